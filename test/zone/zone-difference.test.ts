/** What a commit removes and adds, and steps put together (RFC 1995 4, 5). */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { TYPE } from '../../src/wire/codes.ts'
import { formatName } from '../../src/wire/name.ts'
import type { Rrset } from '../../src/zone/rrset.ts'
import { soaSerial } from '../../src/zone/serial.ts'
import {
  recordLists,
  stepRecords,
  type ZoneDifference,
  zoneDifference,
} from '../../src/zone/zone-difference.ts'
import type { ZoneRecord } from '../../src/zone/zone-record.ts'
import { nameOf } from './zone-text.ts'

const APEX = nameOf('example.')

function txt(owner: string, letters: string, ttl = 60): Rrset {
  return {
    owner: nameOf(owner),
    type: TYPE.TXT,
    ttl,
    rdatas: [...letters].map(letter => Uint8Array.of(1, letter.charCodeAt(0))),
  }
}

function soa(serial: number, owner = APEX): Rrset {
  const rdata = new Uint8Array(22)
  new DataView(rdata.buffer).setUint32(2, serial)
  return { owner, type: TYPE.SOA, ttl: 300, rdatas: [rdata] }
}

function words({ owner, type, ttl, rdata }: ZoneRecord): string {
  if (type === TYPE.SOA) return `SOA ${soaSerial(rdata)}`
  return `${formatName(owner)} ${ttl} ${String.fromCharCode(rdata[1] ?? 0)}`
}

type Change = readonly [before: Rrset | undefined, after: Rrset | undefined]

function listsOf(...changes: readonly Change[]): { removed: string[]; added: string[] } {
  const { removed, added } = recordLists(APEX, differencesOf(changes))
  return { removed: removed.map(words), added: added.map(words) }
}

function differencesOf(changes: readonly Change[]) {
  return changes.flatMap(([before, after]) => {
    const some = before ?? after
    if (some === undefined) return []
    const { owner, type } = some
    return [{ owner, type, ...(before && { before }), ...(after && { after }) }]
  })
}

function step(from: number, ...changes: readonly Change[]): ZoneDifference {
  const all: readonly Change[] = [...changes, [soa(from), soa(from + 1)]]
  return zoneDifference({ from, to: from + 1 }, recordLists(APEX, differencesOf(all)))
}

suite('a commit', () => {
  test('has the SOA of its zone first, in both lists', () => {
    const lists = listsOf([undefined, txt('a.example.', 'x')], [soa(1), soa(2)])
    assert.deepEqual(lists, { removed: ['SOA 1'], added: ['SOA 2', 'a.example. 60 x'] })
  })

  test('takes neither a SOA of another owner nor another type at the apex for it', () => {
    const stray = soa(7, nameOf('child.example.'))
    const lists = listsOf([undefined, stray], [undefined, txt('example.', 'x')], [soa(1), soa(2)])
    assert.deepEqual(lists, { removed: ['SOA 1'], added: ['SOA 2', 'SOA 7', 'example. 60 x'] })
  })

  test('without the SOA lists what it has', () => {
    assert.deepEqual(listsOf([txt('a.example.', 'x'), undefined]), {
      removed: ['a.example. 60 x'],
      added: [],
    })
  })

  test('leaves records out that were there and stay', () => {
    const of = (before: string, after: string) => listsOf([txt('a.', before), txt('a.', after)])
    assert.deepEqual(of('x', 'x'), { removed: [], added: [] })
    assert.deepEqual(of('x', 'y'), { removed: ['a. 60 x'], added: ['a. 60 y'] })
    assert.deepEqual(of('xy', 'yz'), { removed: ['a. 60 x'], added: ['a. 60 z'] })
    assert.deepEqual(of('x', 'xy'), { removed: [], added: ['a. 60 y'] })
    assert.deepEqual(of('yx', 'x'), { removed: ['a. 60 y'], added: [] })
  })

  test('with another TTL makes other records of all', () => {
    const lists = listsOf([txt('a.', 'xy'), txt('a.', 'yz', 61)])
    assert.deepEqual(lists, { removed: ['a. 60 x', 'a. 60 y'], added: ['a. 61 y', 'a. 61 z'] })
  })
})

suite('steps', () => {
  const lines = (...steps: readonly ZoneDifference[]) => Array.from(stepRecords(steps.values()), words)

  test('are none where nothing has changed', () => assert.deepEqual(lines(), []))

  test('are sent as they are where there is one', () => {
    assert.deepEqual(lines(step(1, [txt('a.', 'x'), txt('a.', 'y')])), [
      'SOA 1',
      'a. 60 x',
      'SOA 2',
      'a. 60 y',
    ])
  })

  test('that follow each other are one, without what has come and gone', () => {
    const three = [
      step(1, [undefined, txt('a.', 'x')], [txt('b.', 'x'), undefined]),
      step(2, [txt('a.', 'x'), undefined], [undefined, txt('c.', 'x')]),
      step(3, [undefined, txt('B.', 'x')], [undefined, txt('d.', 'x', 61)]),
    ]
    assert.deepEqual(lines(...three), ['SOA 1', 'SOA 4', 'c. 60 x', 'd. 61 x'])
  })

  test('with another TTL or type are no return of what went', () => {
    assert.deepEqual(lines(step(1, [txt('a.', 'x'), undefined]), step(2, [undefined, txt('a.', 'x', 61)])), [
      'SOA 1',
      'a. 60 x',
      'SOA 3',
      'a. 61 x',
    ])
  })

  test('are put together up to a size: what comes and goes beyond it is sent', () => {
    const large = (from: number, before: string, after: string) => {
      const filler = (letter: string): Rrset => ({
        owner: nameOf(`large-${letter}.`),
        type: TYPE.TXT,
        ttl: 60,
        rdatas: [new Uint8Array(60_000).fill(letter.charCodeAt(0))],
      })
      return step(from, [filler(before), filler(after)])
    }
    // Two of 120 KB are condensed; with a third they would be more than 256 KB.
    const sent = lines(large(1, 'a', 'b'), large(2, 'b', 'c'), large(3, 'c', 'd'))
    assert.deepEqual(
      sent.filter(line => line.startsWith('SOA')),
      ['SOA 1', 'SOA 3', 'SOA 3', 'SOA 4'],
    )
    assert.deepEqual(
      sent.filter(line => !line.startsWith('SOA')).map(line => line.slice(0, 7)),
      ['large-a', 'large-c', 'large-c', 'large-d'],
    )
  })
})
