import type { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { certificatesIn, endOf } from '../shared/certificate-chain.ts'
import { minuteOf } from '../shared/minute.ts'
import type { ConfigValues } from './schema.ts'

/** A certificate that ends within this time should have been renewed. */
const SOON_SECONDS = 7 * 86_400

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
 * What secondaries that verify the certificate and those above it would mind, or soon will: a line for the first that
 * ends. It is no mistake: others take any. `now`: UTC seconds. Nothing if the file can't be used, which is
 * a mistake.
 */
export function tlsFileWarnings(
  { dns: { tls } }: Pick<ConfigValues, 'dns'>,
  now = Date.now() / 1000,
): readonly string[] {
  if (tls.listen.length === 0) return []
  const chain = chainIn(tls.certificate)
  const line = `dns.tls.certificate = "${tls.certificate}":`
  const early = chain.findIndex(({ validFromDate }) => validFromDate.getTime() / 1000 > now)
  const end = endOf(chain)
  const ending = chain.findIndex(({ validToDate }) => validToDate.getTime() / 1000 === end)
  if (end <= now)
    return [`${line} ${partOf(chain, ending)}has ended at ${minuteOf(end)} UTC: renew it, then reload`]
  if (early !== -1) {
    const from = (chain[early]?.validFromDate.getTime() ?? 0) / 1000
    return [`${line} ${partOf(chain, early)}is good from ${minuteOf(from)} UTC on, not yet`]
  }
  if (end - now < SOON_SECONDS)
    return [`${line} ${partOf(chain, ending)}ends at ${minuteOf(end)} UTC: renew it, then reload`]
  return []
}

function chainIn(file: string): readonly X509Certificate[] {
  try {
    return certificatesIn(readFileSync(file, 'latin1'))
  } catch {
    return []
  }
}

/** Whose certificate it is, if it is not the server's own: empty or with a space at its end. */
function partOf(chain: readonly X509Certificate[], index: number): string {
  const subject = chain[index]?.subject.split('\n').at(-1)
  return index === 0 ? '' : `${subject} above it `
}
