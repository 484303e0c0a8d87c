import type { RdataField } from './rdata-field.ts'
import type { TokenLine } from './token-line.ts'

const MAX_PORT = 65_535
/** RFC 1010, as far as WKS were used. */
const PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ['icmp', 1],
  ['tcp', 6],
  ['udp', 17],
])
/** The services of RFC 1010 and those that came while WKS were in use, by their names of today. */
const SERVICES: ReadonlyMap<string, number> = new Map([
  ['echo', 7],
  ['discard', 9],
  ['systat', 11],
  ['daytime', 13],
  ['netstat', 15],
  ['qotd', 17],
  ['chargen', 19],
  ['ftp-data', 20],
  ['ftp', 21],
  ['ssh', 22],
  ['telnet', 23],
  ['smtp', 25],
  ['mail', 25],
  ['time', 37],
  ['whois', 43],
  ['tacacs', 49],
  ['domain', 53],
  ['bootps', 67],
  ['bootpc', 68],
  ['tftp', 69],
  ['gopher', 70],
  ['finger', 79],
  ['http', 80],
  ['www', 80],
  ['kerberos', 88],
  ['pop3', 110],
  ['sunrpc', 111],
  ['auth', 113],
  ['nntp', 119],
  ['ntp', 123],
  ['imap2', 143],
  ['snmp', 161],
  ['snmp-trap', 162],
  ['bgp', 179],
  ['irc', 194],
  ['ldap', 389],
  ['https', 443],
])

/** A protocol and the services that a host has on it, by name or number (RFC 1035 3.4.2): a bit for each port. */
export const services: RdataField = {
  parse(tokens, out) {
    const protocol = numberOf(tokens, PROTOCOLS, 255)
    if (protocol === undefined) return tokens.expected('a protocol: TCP, UDP or a number')
    out.u8(protocol)
    tokens.index++
    const ports: number[] = []
    for (; tokens.hasMore; tokens.index++) {
      const port = numberOf(tokens, SERVICES, MAX_PORT)
      if (port === undefined) return tokens.expected('a service, by name or number')
      ports.push(port)
    }
    const bits = new Uint8Array(ports.length === 0 ? 0 : (Math.max(...ports) >> 3) + 1)
    for (const port of ports) bits[port >> 3] = (bits[port >> 3] ?? 0) | (0x80 >> (port & 7))
    out.put(bits)
    return true
  },
  format: rdata => {
    const protocol = rdata.takeNumber(1)
    const bits = rdata.takeRest()
    if (protocol === undefined || bits.length > (MAX_PORT + 1) / 8 || bits.at(-1) === 0) return undefined
    const ports = Array.from({ length: bits.length * 8 }, (_, port) => port)
    return [protocol, ...ports.filter(port => ((bits[port >> 3] ?? 0) & (0x80 >> (port & 7))) !== 0)].join(
      ' ',
    )
  },
}

function numberOf(tokens: TokenLine, names: ReadonlyMap<string, number>, max: number): number | undefined {
  const text = tokens.text().toLowerCase()
  const value = /^[0-9]{1,5}$/.test(text) ? Number(text) : names.get(text)
  return value === undefined || value > max ? undefined : value
}
