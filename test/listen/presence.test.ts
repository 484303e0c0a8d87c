import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Nameserver } from '../../src/engine/nameserver.ts'
import { Presence } from '../../src/listen/threads/presence.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { Lookup, OUTCOME } from '../../src/zone/lookup.ts'
import { ReaderSlot } from '../../src/zone/reader-slot.ts'
import { exchange } from '../ask.ts'
import { catalogOf, queryOf, wire } from '../engine/zones.ts'
import { BatchListener, noBatches } from './batch-listener.ts'

const HOSTS = 50
const ZONE = `example. 60 IN SOA ns. h. 1 2 3 4 60
example. 60 IN NS ns.example.
${Array.from({ length: HOSTS }, (_, i) => `h${i}.example. 60 IN A 10.0.0.${i}`).join('\n')}`

test('a slot is left also where the reader throws', () => {
  const steps: string[] = []
  const presence = new Presence({ enter: () => steps.push('enter'), leave: () => steps.push('leave') })
  assert.throws(() => presence.during(() => assert.fail('a defect')))
  assert.deepEqual(steps, ['enter', 'leave'])
})

describe('a batch', { skip: noBatches }, () => {
  test('stands on one version of the table, whatever is committed while it is answered', async t => {
    const catalog = catalogOf(ZONE)
    const nameserver = new Nameserver({ catalog, nsid: '', version: '', hostname: '' })
    const lookup = new Lookup(catalog.buffer)
    const seen: boolean[] = []
    const listener = await BatchListener.listen(
      { address: '127.0.0.1', port: 0 },
      (query, length, reply, client) => {
        lookup.reader.refresh()
        const outcome = lookup.step(wire('h7.example.'), 0, TYPE.A)
        const at = lookup.rrset
        const before = lookup.reader.octets.slice(at, at + 14)
        churn()
        seen.push(
          outcome === OUTCOME.ANSWER && before.every((value, i) => lookup.reader.octets[at + i] === value),
        )
        return nameserver.respond(query, length, reply, client)
      },
      new ReaderSlot(catalog.buffer, 0),
    )
    t.after(() => listener.close())
    let value = 0
    function churn(): void {
      for (let i = 0; i < 20 * HOSTS; i++) {
        const rdatas = [Uint8Array.of(10, 1, value >> 8, value++ & 255)]
        const owner = wire(`h${i % HOSTS}.example.`)
        catalog.commit([{ kind: 'put', rrset: { owner, type: TYPE.A, ttl: 60, rdatas } }])
      }
    }
    for (let i = 0; i < 5; i++) await exchange(listener.address, queryOf('h7.example.', 'A'))
    assert.deepEqual(seen, [true, true, true, true, true])
    const { used } = catalog.memory()
    churn() // nobody reads: what the batches held back is given back
    assert.ok(catalog.memory().used < used)
  })
})
