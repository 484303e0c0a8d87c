import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { wireName } from '../../src/lifecycle/tunnel-names.ts'
import { Database } from '../../src/store/sqlite/database.ts'
import { Journal } from '../../src/store/sqlite/journal.ts'

const MB = 1_000_000
const LIMITS = { bytes: 100 * MB, age: 1000 }
const LARGE = 10
const SMALL = 50

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'freenet6-journal-'))
})

afterEach(() => rmSync(directory, { recursive: true, force: true }))

/** Does something with a journal that has just been opened: nothing of it is in memory. */
function withJournal<T>(work: (journal: Journal, database: Database) => T): T {
  const database = Database.open(join(directory, 'test.db'))
  try {
    return work(new Journal(database, LIMITS), database)
  } finally {
    database.close()
  }
}

/** Commits steps to a zone, one after the other from this serial on, each with so many octets. */
function commit(
  journal: Journal,
  database: Database,
  steps: { from: number; count: number; octets: number },
) {
  for (let n = 0; n < steps.count; n++) {
    const from = steps.from + n
    const step = { from, to: from + 1, removed: new Uint8Array(), added: new Uint8Array(steps.octets) }
    database.transaction(() => journal.append('a', step, { digest: new Uint8Array(8), written: 1 }))
  }
}

/** Octets that this process has read from files, by system calls (proc(5), rchar). */
function octetsRead(): number {
  return Number(/^rchar: ([0-9]+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1])
}

test('what is committed, and what is read of the journal, costs nothing of the large steps in it', () => {
  withJournal((journal, database) => commit(journal, database, { from: 1, count: LARGE, octets: MB }))
  withJournal((journal, database) => {
    const before = octetsRead()
    commit(journal, database, { from: LARGE + 1, count: SMALL, octets: 100 })
    const last = LARGE + SMALL
    const steps = journal.since(wireName('a'), { from: last, to: last + 1 }) ?? assert.fail('not kept')
    assert.equal(steps.next().value?.added.length, 100)
    const read = octetsRead() - before
    assert.ok(read < MB, `${read} octets were read`)
  })
})
