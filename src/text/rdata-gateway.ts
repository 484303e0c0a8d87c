import { algorithm } from './mnemonic.ts'
import { optionalBase64 } from './rdata-binary.ts'
import { ipv4, ipv6, plainName, type RdataField } from './rdata-field.ts'
import type { RdataReader } from './rdata-reader.ts'
import type { TokenLine } from './token-line.ts'

/** Nothing, written as the root (RFC 4025 3.1). */
const NO_GATEWAY: RdataField = {
  parse(tokens) {
    if (tokens.text() !== '.') return tokens.expected('a dot, for there is none')
    tokens.index++
    return true
  },
  format: () => '.',
}

/** What a gateway is, by its type (RFC 4025 2.3, RFC 8777 4.2.3). */
const GATEWAYS: readonly RdataField[] = [NO_GATEWAY, ipv4, ipv6, plainName]
const HIGHEST_GATEWAY = '3'
const DISCOVERY = 0x80

/** Gateway type, algorithm and gateway of IPSECKEY, then its key (RFC 4025 3.1): a key may be left out. */
export const ipsecGateway: RdataField = {
  parse(tokens, out) {
    const kind = readKind(tokens)
    if (kind === undefined) return false
    out.u8(kind)
    return algorithm.parse(tokens, out) && gateway(kind).parse(tokens, out) && KEY.parse(tokens, out)
  },
  format: rdata => {
    const kind = rdata.takeNumber(1)
    const texts = [algorithm.format(rdata), formatGateway(rdata, kind), KEY.format(rdata)]
    if (kind === undefined || texts.includes(undefined)) return undefined
    return [kind, ...texts].join(' ').trimEnd()
  },
}

const KEY = optionalBase64('a key')

/** Discovery flag, relay type and relay of AMTRELAY (RFC 8777 4.3.1): flag and type share an octet. */
export const amtRelay: RdataField = {
  parse(tokens, out) {
    const discovery = tokens.text()
    if (discovery !== '0' && discovery !== '1') return tokens.expected('the discovery flag, 0 or 1')
    tokens.index++
    const kind = readKind(tokens)
    if (kind === undefined) return false
    out.u8(kind | (discovery === '1' ? DISCOVERY : 0))
    return gateway(kind).parse(tokens, out)
  },
  format: rdata => {
    const octet = rdata.takeNumber(1) ?? DISCOVERY - 1 // no gateway type
    const kind = octet & ~DISCOVERY
    const relay = formatGateway(rdata, kind)
    return relay === undefined ? undefined : `${octet >> 7} ${kind} ${relay}`
  },
}

function readKind(tokens: TokenLine): number | undefined {
  const text = tokens.text()
  if (/^[0-9]$/.test(text) && text <= HIGHEST_GATEWAY) {
    tokens.index++
    return Number(text)
  }
  tokens.expected('a gateway type from 0 to 3')
  return undefined
}

function gateway(kind: number): RdataField {
  return GATEWAYS[kind] ?? NO_GATEWAY
}

function formatGateway(rdata: RdataReader, kind: number | undefined): string | undefined {
  return kind === undefined || kind >= GATEWAYS.length ? undefined : gateway(kind).format(rdata)
}
