/** A reload reads large zones while TCP, pages and registrations go on: whoever reads has to pause. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Pausing, withTurns } from '../../src/shared/in-turns.ts'
import { readMasterFile, readMasterFileSlowly } from '../../src/zone-file/master-file.ts'
import { checkZoneSlowly } from '../../src/zone-file/zone-rules.ts'
import { nameOf } from '../zone/zone-text.ts'

const RECORDS = 10_000
const HEAD = '$ORIGIN example.\n$TTL 60\n@ SOA ns hostmaster 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n'
const LINES = Array.from({ length: RECORDS }, (_, n) => `h${n} A 192.0.2.1\n`).join('')

function pausesOf<Outcome>(work: Pausing<Outcome>): { readonly pauses: number; readonly outcome: Outcome } {
  let pauses = 0
  for (;;) {
    const step = work.next()
    if (step.done === true) return { pauses, outcome: step.value }
    pauses++
  }
}

const READINGS: Readonly<Record<string, string>> = {
  'records of a file': HEAD + LINES,
  'records of an included file': `${HEAD}$INCLUDE lines\n`,
  'what $GENERATE makes': `${HEAD}$GENERATE 1-${RECORDS} h$ A 192.0.2.1\n`,
}

for (const [name, text] of Object.entries(READINGS)) {
  test(`${name} are read with pauses, and are the same as without`, () => {
    const options = { file: 'zone', text, readInclude: () => ({ file: 'lines', text: LINES }) }
    const { pauses, outcome } = pausesOf(readMasterFileSlowly(options))
    assert.ok(pauses >= 5 && pauses < 20, `${pauses} pauses`)
    assert.equal(outcome.rrsets.length, RECORDS + 3)
    assert.deepEqual(outcome.rrsets, readMasterFile(options).rrsets)
  })
}

test('rules are checked with pauses', () => {
  const { rrsets, places } = readMasterFile({ file: 'zone', text: HEAD + LINES })
  const { pauses, outcome } = pausesOf(checkZoneSlowly(nameOf('example.'), rrsets, { file: 'zone', places }))
  assert.ok(pauses >= 4, `${pauses} pauses`)
  assert.deepEqual(outcome.faults, [])
})

test('others have their turn in each pause', async () => {
  let turns = 0
  const count = () => {
    turns++
    next = setImmediate(count)
  }
  let next = setImmediate(count)
  await withTurns(readMasterFileSlowly({ file: 'zone', text: HEAD + LINES }))
  clearImmediate(next)
  assert.ok(turns >= 4, `${turns} turns`)
})
