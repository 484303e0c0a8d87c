import { bind } from './contender/bind.ts'
import { echo } from './contender/echo.ts'
import { knot } from './contender/knot.ts'
import { nsd } from './contender/nsd.ts'
import { OURS } from './contender/ours.ts'
import { powerdns } from './contender/powerdns.ts'
import type { Contender } from './contender.ts'
import type { PeerName } from './options.ts'

/** Who takes part. */
export interface LineUp {
  readonly ours: Contender
  readonly peers: readonly Contender[]
  /** They send datagrams back and know nothing of DNS: what the sockets cost. */
  readonly floors: readonly Contender[]
  /** A line for each that was wanted and is not there. */
  readonly absent: readonly string[]
}

const PEERS: Readonly<Record<PeerName, () => Contender | undefined>> = { nsd, knot, bind, powerdns }
const FLOORS: Readonly<Record<string, () => Contender | undefined>> = { gcc: echo }

/** Those of the peers that are installed, and the floors. */
export function contendersFor(wanted: ReadonlySet<PeerName>): LineUp {
  const absent: string[] = []
  const present = (name: string, contender: Contender | undefined, lack: string): readonly Contender[] => {
    if (contender === undefined) absent.push(`${name} ${lack}`)
    return contender === undefined ? [] : [contender]
  }
  return {
    ours: OURS,
    peers: [...wanted].flatMap(name => present(name, PEERS[name](), 'is not installed: it is left out')),
    floors: Object.entries(FLOORS).flatMap(([tool, floor]) =>
      present(tool, floor(), 'is not installed: there is no floor to compare with'),
    ),
    absent,
  }
}
