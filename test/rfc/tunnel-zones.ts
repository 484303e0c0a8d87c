/** A reverse zone, and tunnels in it as the broker publishes them: AAAA and PTR in one commit. */
import { TYPE } from '../../src/wire/codes.ts'
import type { RrsetChange } from '../../src/zone/catalog.ts'
import { wire } from '../engine/zones.ts'

export const REVERSE_APEX = '6.f.0.0.8.b.d.0.1.0.0.2.ip6.arpa.'
export const REVERSE = `${REVERSE_APEX} 300 IN SOA ns1.freenet6.net. host.freenet6.net. 1 2 3 4 60
${REVERSE_APEX} 300 IN NS ns1.freenet6.net.`

export interface PublishedTunnel {
  readonly name: string
  readonly pointer: string
  readonly up: readonly RrsetChange[]
  readonly down: readonly RrsetChange[]
}

/** Tunnels of these names, on the prefix's first networks. */
export function tunnelsNamed(...names: readonly string[]): readonly PublishedTunnel[] {
  return names.map((name, index) => {
    const network = index.toString(16).padStart(4, '0')
    const pointer = `2.${'0.'.repeat(15)}${[...network].reverse().join('.')}.${REVERSE_APEX}`
    const host = wire(name)
    const address = Buffer.from(`20010db800f6${network}0000000000000002`, 'hex')
    return {
      name,
      pointer,
      up: [
        { kind: 'put', rrset: { owner: host, type: TYPE.AAAA, ttl: 60, rdatas: [address] } },
        { kind: 'put', rrset: { owner: wire(pointer), type: TYPE.PTR, ttl: 60, rdatas: [host] } },
      ],
      down: [
        { kind: 'remove', owner: host, type: TYPE.AAAA },
        { kind: 'remove', owner: wire(pointer), type: TYPE.PTR },
      ],
    }
  })
}
