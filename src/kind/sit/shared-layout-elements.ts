import { type RunNft, runTransaction } from '../../kernel/nft-command.ts'
import { inTurns } from '../../shared/in-turns.ts'
import type { Entry } from './shared-layout-entry.ts'

/** Which source addresses come from where: one element of a set. */
export type Admitted = Pick<Entry, 'endpoint' | 'network'>

/** What came from an element's endpoint, with its source addresses, since the element was made. */
export interface Traffic {
  readonly packets: number
  readonly bytes: number
}

/**
 * `tunnels`: what is let in. `sleepers`: what is heard and dropped, for no tunnel of theirs is up. `sent`: what was sent into
 * each tunnel; of those that nothing is sent to nothing is known.
 */
export type FilterSet = 'tunnels' | 'sleepers' | 'sent'

export interface ElementChange {
  readonly refused: readonly Admitted[]
  readonly admitted: readonly Admitted[]
}

export const FILTER_TABLE = 'freenet6'

/** Elements of one transaction: for its length the kernel lets nobody else have the processor, 20 ms for a thousand. */
const TRANSACTION_ELEMENTS = 1000
const ELEMENTS_A_LINE = 1000

/** Transactions that a change of elements takes. */
export function transactionsOf(change: ElementChange): number {
  return Math.ceil(Math.max(change.refused.length, change.admitted.length) / TRANSACTION_ELEMENTS)
}

/** Takes elements out and puts others in, the first of them in one transaction. Returns why that did not work. */
export async function changeElements(
  run: RunNft,
  set: FilterSet,
  { refused, admitted }: ElementChange,
): Promise<string | undefined> {
  const count = Math.max(refused.length, admitted.length)
  for (let first = 0; first < count; first += TRANSACTION_ELEMENTS) {
    const out = refused.slice(first, first + TRANSACTION_ELEMENTS)
    const into = admitted.slice(first, first + TRANSACTION_ELEMENTS)
    // One that is missing would fail the whole transaction: it is put in, to be taken out.
    const lines = [
      ...elementLines('add', set, out),
      ...elementLines('delete', set, out),
      ...elementLines('add', set, into),
    ]
    const reason = await runTransaction(run, lines)
    if (reason !== undefined) return reason
  }
  return undefined
}

const ELEMENT = /(\d+\.\d+\.\d+\.\d+) \. 0x([0-9a-f]{1,16})(?: counter packets (\d+) bytes (\d+))?/g

/** All elements of a set by their keys, with their counters; undefined if there is no such set. */
export async function listElements(
  run: RunNft,
  set: FilterSet,
): Promise<ReadonlyMap<string, Admitted & Traffic> | undefined> {
  const { status, stdout } = await run(['list', 'set', 'ip', FILTER_TABLE, set])
  return status === 0 ? parseElements(stdout) : undefined
}

/** Elements that a set was made for; undefined: there is no such set. */
export async function readSize(run: RunNft, set: FilterSet): Promise<number | undefined> {
  const { status, stdout } = await run(['-t', 'list', 'set', 'ip', FILTER_TABLE, set])
  return status === 0 ? sizeIn(stdout) : undefined
}

/** Elements that the first set of a listing was made for. */
export function sizeIn(listing: string): number | undefined {
  const [, size] = /^\s*size (\d+)$/m.exec(listing) ?? []
  return size === undefined ? undefined : Number(size)
}

/** Some elements of a set; undefined if one of them is missing. */
export async function getElements(
  run: RunNft,
  set: FilterSet,
  wanted: readonly Admitted[],
): Promise<ReadonlyMap<string, Admitted & Traffic> | undefined> {
  const { status, stdout } = await run([
    'get',
    'element',
    'ip',
    FILTER_TABLE,
    set,
    `{ ${wanted.map(keyOf).join(', ')} }`,
  ])
  return status === 0 ? parseElements(stdout) : undefined
}

function parseElements(listing: string): Map<string, Admitted & Traffic> {
  const elements = new Map<string, Admitted & Traffic>()
  for (const [, endpoint = '', digits = '', packets = '0', bytes = '0'] of listing.matchAll(ELEMENT)) {
    const network = digits.padStart(16, '0')
    const element = { endpoint, network, packets: Number(packets), bytes: Number(bytes) }
    elements.set(keyOf(element), element)
  }
  return elements
}

export function keyOf({ endpoint, network }: Admitted): string {
  return `${endpoint} . 0x${network}`
}

/** Lines that add elements to a set, or take them out. */
export function elementLines(
  verb: 'add' | 'delete',
  set: FilterSet,
  elements: readonly Admitted[],
): string[] {
  const lines: string[] = []
  for (let first = 0; first < elements.length; first += ELEMENTS_A_LINE) {
    const keys = elements.slice(first, first + ELEMENTS_A_LINE).map(keyOf)
    lines.push(`${verb} element ip ${FILTER_TABLE} ${set} { ${keys.join(', ')} }`)
  }
  return lines
}

/** Which endpoint each network is let in from. */
export async function endpointsByNetwork(elements: Iterable<Admitted>): Promise<Map<string, string>> {
  const endpoints = new Map<string, string>()
  await inTurns(elements, ({ network, endpoint }) => {
    endpoints.set(network, endpoint)
  })
  return endpoints
}

export async function elementsByKey(endpoints: ReadonlyMap<string, string>): Promise<Map<string, Admitted>> {
  const elements = new Map<string, Admitted>()
  await inTurns(endpoints, ([network, endpoint]) => {
    const element = { network, endpoint }
    elements.set(keyOf(element), element)
  })
  return elements
}

export function elementsOf(endpoints: ReadonlyMap<string, string>): Admitted[] {
  return Array.from(endpoints, ([network, endpoint]) => ({ network, endpoint }))
}
