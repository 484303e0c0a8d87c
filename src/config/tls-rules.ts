import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { ConfigValues } from './schema.ts'

/** A certificate that ends within this time should have been renewed, in milliseconds. */
const SOON_MS = 7 * 86_400_000

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

/**
 * What secondaries that verify the certificate would mind, or soon will. It is no mistake: others take any. `now`:
 * milliseconds since 1970. Nothing where the file can't be used, which is a mistake.
 */
export function tlsFileWarnings(
  { dns: { tls } }: Pick<ConfigValues, 'dns'>,
  now = Date.now(),
): readonly string[] {
  const certificate = tls.listen.length === 0 ? undefined : certificateIn(tls.certificate)
  if (certificate === undefined) return []
  const { validFromDate: from, validToDate: to } = certificate
  const line = `dns.tls.certificate = "${tls.certificate}"`
  if (from.getTime() > now) return [`${line}: is good from ${minuteOf(from)} on, not yet`]
  if (to.getTime() <= now) return [`${line}: has ended at ${minuteOf(to)}: renew it, then reload`]
  if (to.getTime() - now < SOON_MS) return [`${line}: ends at ${minuteOf(to)}: renew it, then reload`]
  return []
}

function certificateIn(file: string): X509Certificate | undefined {
  try {
    return new X509Certificate(readFileSync(file))
  } catch {
    return undefined
  }
}

function minuteOf(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
