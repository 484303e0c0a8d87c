import { addressOctets } from '../address/prefix.ts'

/** An IP address and a port: where something listens or is asked. Port 0 is any free one. */
export interface Endpoint {
  /** Text form, IPv6 without brackets. */
  readonly address: string
  readonly port: number
}

/** Reads `192.0.2.1:53` or `[2001:db8::1]:53`; undefined if the text is neither. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(0|[1-9][0-9]{0,4})$/.exec(text)
  if (found === null) return undefined
  const address = found[1] ?? found[2] ?? ''
  const port = Number(found[3])
  const octets = addressOctets(address)
  if (octets === undefined || port > 65_535) return undefined
  return (octets.length === 16) === (found[1] !== undefined) ? { address, port } : undefined
}

/** Writes an endpoint as it is read: IPv6 in brackets. */
export function formatEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
