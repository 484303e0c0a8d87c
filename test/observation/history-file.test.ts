import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, suite, test } from 'node:test'
import fc from 'fast-check'
import { keepHistories } from '../../src/kept-histories.ts'
import { History } from '../../src/observation/history.ts'
import { HistoryFile } from '../../src/observation/history-file.ts'
import { MAX_RECORD_OCTETS, packRecord, unpackRecord } from '../../src/observation/history-record.ts'
import { SPANS, type Span, TunnelHistory } from '../../src/observation/tunnel-history.ts'

const START = 1_800_000_000 - (1_800_000_000 % SPANS.month.step)
const MONTH = SPANS.month.step * SPANS.month.count
const GO_ON = new AbortController().signal
const NAMES = Object.keys(SPANS) as readonly Span[]

suite('histories outlast a restart', () => {
  let directory: string
  let file: string
  let clock: number
  let warnings: string[]

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'freenet6-histories-'))
    file = join(directory, 'histories')
    clock = START
    warnings = []
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  const log = () => ({
    debug() {},
    info() {},
    warn: (_: object, words: string) => void warnings.push(words),
    error: (_: object, words: string) => assert.fail(words),
  })
  const newHistory = (maxTunnels = 1000) => new History({ now: () => clock, maxTunnels })
  const fileOf = (history: History) => new HistoryFile({ file, directory, history, log: log() })
  const save = (history: History) => fileOf(history).save({ pauseMs: 0, signal: GO_ON })

  /** Two tunnels for three hours, one of which is silent at times. */
  function lived(): History {
    const history = newHistory()
    for (let minute = 0; minute < 180; minute++, clock += 60) {
      const isSilent = minute % 7 === 0
      history.record({
        answered: new Map([['a', 5 + minute], ...(isSilent ? [] : ([['b', 9]] as const))]),
        silent: isSilent ? ['b'] : [],
      })
      if (minute % 10 === 0) history.recordOctets(new Map([['a', { received: minute, sent: 2 * minute }]]))
    }
    return history
  }

  async function loaded(): Promise<History> {
    const history = newHistory()
    await fileOf(history).load()
    return history
  }

  const picture = (history: History) => ['a', 'b'].map(id => NAMES.map(span => history.of(id, span)))

  test('they are the same, and go on', async () => {
    const before = lived()
    await save(before)
    const after = await loaded()
    assert.deepEqual(picture(after), picture(before))
    assert.deepEqual(after.ids(), before.ids())
    clock += 120
    for (const history of [before, after]) history.record({ answered: new Map([['a', 3]]), silent: ['b'] })
    assert.deepEqual(picture(after), picture(before))
    assert.deepEqual(warnings, [])
  })

  test('the time between is a gap', async () => {
    const before = lived()
    await save(before)
    clock += 3600
    const hour = (await loaded()).of('a', 'hour')
    assert.ok(hour.slice(0, -1).every(bucket => bucket === undefined))
    const day = (await loaded()).of('a', 'day')
    assert.ok(day.filter(bucket => bucket !== undefined).length >= 8)
  })

  test('a file is for its owner alone, and whole or not there', async () => {
    await save(lived())
    assert.equal(statSync(file).mode & 0o777, 0o600)
    const first = readFileSync(file)
    mkdirSync(`${file}.new`) // nothing can be written there
    await save(lived())
    assert.deepEqual(readFileSync(file), first)
    assert.deepEqual(warnings, ['histories can not be written'])
    rmSync(`${file}.new`, { recursive: true, force: true })
    const stopped = AbortSignal.abort()
    await fileOf(lived()).save({ pauseMs: 0, signal: stopped })
    assert.deepEqual(readFileSync(file), first)
    assert.ok(!existsSync(`${file}.new`))
  })

  test('a file that is not there is none, without a word', async () => {
    assert.equal((await loaded()).size, 0)
    assert.deepEqual(warnings, [])
  })

  const damage: readonly (readonly [what: string, change: (octets: Buffer) => Buffer, words: RegExp])[] = [
    ['was cut', octets => octets.subarray(0, -100), /not whole/],
    ['is empty', () => Buffer.alloc(0), /none of this version/],
    ['is of another program', () => Buffer.from('hello\nworld'), /none of this version/],
    [
      'has other buckets',
      octets => Buffer.from(octets.toString('latin1').replace('of 60 s', 'of 61 s'), 'latin1'),
      /none of this version/,
    ],
    [
      'has no records, though its head is right',
      octets => octets.subarray(0, octets.indexOf('\n') + 1),
      /not whole/,
    ],
    [
      'has one bit that is other',
      octets => octets.map((octet, at) => (at === 700 ? octet ^ 1 : octet)) as Buffer,
      /not whole/,
    ],
  ]
  for (const [what, change, words] of damage) {
    test(`a file that ${what} is left out, and named in the log`, async () => {
      await save(lived())
      writeFileSync(file, change(readFileSync(file)))
      assert.equal((await loaded()).size, 0)
      assert.equal(warnings.length, 1)
      assert.match(warnings.join(), words)
    })
  }

  test('a file from the future or of long ago is left out: its buckets would stand at wrong times', async () => {
    const history = lived()
    await save(history)
    clock -= 3600
    assert.equal((await loaded()).size, 0)
    clock += 3600
    await save(history)
    clock += MONTH + 60
    assert.equal((await loaded()).size, 0)
    assert.deepEqual(
      warnings.map(words => /future|a month old/.exec(words)?.[0]),
      ['future', 'a month old'],
    )
  })

  test('a file that is left out is kept aside: a clock that was wrong at the start loses no history', async () => {
    const history = lived()
    await save(history)
    const octets = readFileSync(file)
    clock -= 3600
    const early = await loaded()
    early.record({ answered: new Map([['c', 5]]), silent: [] })
    await save(early)
    assert.deepEqual(readFileSync(`${file}.not-taken`), octets)
  })

  test('one that can not be read is kept aside too', async () => {
    mkdirSync(file) // which reads no better than a file on a broken disk
    assert.equal((await loaded()).size, 0)
    await save(lived())
    assert.ok(statSync(`${file}.not-taken`).isDirectory())
    assert.ok((await loaded()).size > 0)
  })

  test('other work goes on while a hundred thousand are written and read', async () => {
    const history = newHistory(100_000)
    history.record({
      answered: new Map(Array.from({ length: 100_000 }, (_, n) => [`tunnel${n}`, 1])),
      silent: [],
    })
    let turns = 0
    const turn = () => {
      turns++
      ticking = setImmediate(turn)
    }
    let ticking = setImmediate(turn)
    await save(history)
    assert.ok(turns >= 1000, `${turns} turns of the event loop meanwhile`)
    turns = 0
    const after = newHistory(100_000)
    await fileOf(after).load()
    assert.ok(turns >= 1000, `${turns} turns of the event loop meanwhile`)
    clearImmediate(ticking)
    assert.equal(after.size, 100_000)
  })

  test('the process keeps them when it stops, and takes them when it starts', async () => {
    const before = lived()
    const config = { data_dir: directory }
    const kept = keepHistories(config, { broker: { history: before }, log: log() })
    await kept.loaded
    await kept.stop()
    const after = newHistory()
    after.record({ answered: new Map([['a', 1]]), silent: [] }) // a round while they are read
    const again = keepHistories(config, { broker: { history: after }, log: log() })
    await again.loaded
    assert.deepEqual(picture(after), picture(before))
    await again.stop()
  })

  test('a stop before they are read leaves the file as it is', async () => {
    await save(lived())
    const first = readFileSync(file)
    const history = newHistory()
    history.record({ answered: new Map([['other', 1]]), silent: [] })
    const kept = keepHistories({ data_dir: directory }, { broker: { history }, log: log() })
    await kept.stop()
    await kept.loaded
    assert.deepEqual(readFileSync(file), first)
  })
})

suite('a record', () => {
  const noted = fc.record({
    ms: fc.double({ min: 0, max: 9000, noNaN: true }),
    later: fc.nat(4 * 28_800),
    received: fc.nat(),
    sent: fc.nat(),
  })

  test('is what it was, and takes less than 2 KB beside the id', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme-ascii' }),
        fc.array(noted, { maxLength: 120 }),
        (id, notes) => {
          const history = new TunnelHistory(START)
          let now = START
          for (const { ms, later, ...octets } of notes) {
            now += later
            if (ms < 100) history.silent(now)
            else history.answered(now, ms)
            history.octets(now, octets)
          }
          const buffer = Buffer.alloc(2 * MAX_RECORD_OCTETS, 0xaa)
          const end = packRecord({ id, history }, buffer, 7)
          assert.ok(end - 7 - id.length < 2048)
          const read = unpackRecord(buffer, 7)
          assert.equal(read?.next, end)
          assert.equal(read?.record.id, id)
          for (const span of NAMES)
            assert.deepEqual(read?.record.history.buckets(span, now), history.buckets(span, now))
        },
      ),
    )
    assert.ok(MAX_RECORD_OCTETS - 64 < 2048)
  })

  test('of any octets is a record or none, and reading it comes to an end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4000 }), octets => {
        const buffer = Buffer.from(octets)
        for (let at = 0; ; ) {
          const read = unpackRecord(buffer, at)
          if (read === undefined) return
          assert.ok(read.next > at)
          at = read.next
        }
      }),
    )
  })
})
