import { formatIpv4 } from '../../address/ipv4.ts'
import { FLAG, findAttribute, message, NETLINK, type Netlink } from '../../kernel/netlink.ts'
import { type Admitted, keyOf, type Traffic } from './shared-layout-elements.ts'

const NEW_ELEMENTS = (10 << 8) | 12
const GET_ELEMENTS = (10 << 8) | 13
const OWN_LENGTH = 4
const NFPROTO_IPV4 = 2
const LIST = { table: 1, set: 2, elements: 3 } as const
const ELEMENT = { key: 1, expression: 7 } as const
const VALUE = 1
const EXPRESSION_FIELDS = 2
const COUNTER = { bytes: 1, packets: 2 } as const
const KEY_LENGTH = 12
const NOTHING: Traffic = { packets: 0, bytes: 0 }

/** All elements of one of the filter's sets, with their counters, read as the kernel keeps them; undefined if there is no set. */
export async function readElements(
  netlink: Netlink,
  names: { readonly table: string; readonly set: string },
): Promise<ReadonlyMap<string, Admitted & Traffic> | undefined> {
  const elements = new Map<string, Admitted & Traffic>()
  const question = message(GET_ELEMENTS, FLAG.request | FLAG.dump, {
    own: Buffer.from([NFPROTO_IPV4, 0, 0, 0]),
    attributes: [
      [LIST.table, Buffer.from(`${names.table}\0`)],
      [LIST.set, Buffer.from(`${names.set}\0`)],
    ],
  })
  const fault = await netlink.dump(NETLINK.netfilter, question, (octets, { at, end, type }) => {
    const list = findAttribute(octets, { at: at + OWN_LENGTH, end }, LIST.elements)
    if (type !== NEW_ELEMENTS || list === undefined) return
    for (let i = list.at; i + 4 <= list.end; ) {
      const length = octets.readUInt16LE(i)
      if (length < 4) return
      const element = readElement(octets, { at: i + 4, end: i + length })
      if (element !== undefined) elements.set(keyOf(element), element)
      i += (length + 3) & ~3
    }
  })
  return fault === undefined ? elements : undefined
}

interface Span {
  readonly at: number
  readonly end: number
}

/** The key is the outer address and the upper half of the inner one. */
function readElement(octets: Buffer, span: Span): (Admitted & Traffic) | undefined {
  const key = findAttribute(octets, span, ELEMENT.key)
  const value = key && findAttribute(octets, key, VALUE)
  if (value === undefined || value.end - value.at !== KEY_LENGTH) return undefined
  return {
    endpoint: formatIpv4(octets.readUInt32BE(value.at)),
    network: octets.toString('hex', value.at + 4, value.end),
    ...readTraffic(octets, span),
  }
}

function readTraffic(octets: Buffer, span: Span): Traffic {
  const expression = findAttribute(octets, span, ELEMENT.expression)
  const fields = expression && findAttribute(octets, expression, EXPRESSION_FIELDS)
  const packets = fields && findAttribute(octets, fields, COUNTER.packets)
  const bytes = fields && findAttribute(octets, fields, COUNTER.bytes)
  if (packets === undefined || bytes === undefined) return NOTHING
  return { packets: readCount(octets, packets.at), bytes: readCount(octets, bytes.at) }
}

function readCount(octets: Buffer, at: number): number {
  return octets.readUInt32BE(at) * 2 ** 32 + octets.readUInt32BE(at + 4)
}
