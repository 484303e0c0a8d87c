import { X509Certificate } from 'node:crypto'

const BLOCK = /-----BEGIN (X509 )?CERTIFICATE-----[^-]*-----END \1CERTIFICATE-----/g

/** The certificates of a PEM file in its order: that of the server, then those above it. Throws if one can't be read. */
export function certificatesIn(pem: string): readonly X509Certificate[] {
  const chain = Array.from(pem.matchAll(BLOCK), ([block]) => new X509Certificate(block))
  return chain.length > 0 ? chain : [new X509Certificate(pem)]
}

/** When the first of them ends, in UTC seconds: nobody can verify the chain from then on. */
export function endOf(chain: readonly X509Certificate[]): number {
  return Math.min(...chain.map(({ validToDate }) => validToDate.getTime())) / 1000
}
