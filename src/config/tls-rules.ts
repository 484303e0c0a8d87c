import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { ConfigValues } from './schema.ts'

/** Finds files of `dns.tls` that are not named although TLS is listened for. */
export function tlsMistakes({ dns: { tls } }: ConfigValues): readonly string[] {
  if (tls.listen.length === 0) return []
  const missing = (['certificate', 'key'] as const).filter(name => tls[name] === '')
  return missing.map(name => `dns.tls.${name} = "": expected a PEM file`)
}

/** Finds what keeps the files from being used. Whoever asks a running process something need not be able to read them. */
export function tlsFileMistakes({ dns: { tls } }: Pick<ConfigValues, 'dns'>): readonly string[] {
  if (tls.listen.length === 0) return []
  try {
    createSecureContext({ cert: readFileSync(tls.certificate), key: readFileSync(tls.key) })
    return []
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return [`dns.tls.certificate = "${tls.certificate}", dns.tls.key = "${tls.key}": ${reason}`]
  }
}
