import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TYPE } from '../../src/wire/codes.ts'
import { formatName, lowerCaseName, parseName } from '../../src/wire/name.ts'
import { Arena } from '../../src/zone/arena.ts'
import { NameKey } from '../../src/zone/name-key.ts'
import { NameTable } from '../../src/zone/name-table.ts'
import { readOwner, writeEntry } from '../../src/zone/owner-entry.ts'
import { TableReader } from '../../src/zone/table-reader.ts'
import { entriesAfter } from '../../src/zone/walk.ts'

/** A trie with a cell of its own that is published after each change, as a commit does it. */
class Trie {
  readonly arena = new Arena(1 << 28)
  readonly table = new NameTable(this.arena, new NameKey())
  readonly reader = new TableReader(this.arena.buffer)
  readonly key = new NameKey()
  cell = this.arena.allocate(2)

  constructor() {
    this.arena.words[this.cell] = 0
    this.arena.words[this.cell + 1] = 0
    this.arena.publish(this.cell)
    this.arena.reclaim()
  }

  change(step: (cell: number) => void): void {
    const old = this.cell
    const cell = this.arena.allocate(2)
    this.arena.words.copyWithin(cell, old, old + 2)
    this.arena.release(old, 2)
    step(cell)
    this.cell = cell
    this.arena.publish(cell)
    this.arena.reclaim()
    this.reader.refresh()
  }

  put(name: Uint8Array): void {
    const rrset = { owner: name, type: TYPE.A, ttl: 1, rdatas: [Uint8Array.of(1, 2, 3, 4)] }
    this.change(cell => this.table.put(cell, writeEntry(this.arena, name, [{ rrset, isDynamic: false }])))
  }

  remove(name: Uint8Array): void {
    this.change(cell => this.table.remove(cell, name))
  }

  find(name: Uint8Array): TableReader {
    this.key.set(name, 0)
    this.reader.find(this.cell, this.key, name, 0)
    return this.reader
  }

  names(after?: Uint8Array): string[] {
    return [...entriesAfter(this.reader, this.cell, after)].map(entry =>
      formatName(readOwner(this.arena, entry)),
    )
  }
}

function wire(text: string): Uint8Array {
  const name = parseName(text)
  assert.ok(name !== undefined)
  return name
}

function labelsOf(name: Uint8Array): Buffer[] {
  const labels: Buffer[] = []
  const lowered = Buffer.from(lowerCaseName(name))
  for (let at = 0; (lowered[at] ?? 0) !== 0; at += (lowered[at] ?? 0) + 1) {
    labels.unshift(lowered.subarray(at + 1, at + 1 + (lowered[at] ?? 0)))
  }
  return labels
}

/** RFC 4034 6.1, in the plainest way. */
function compareNames(a: Uint8Array, b: Uint8Array): number {
  const [left, right] = [labelsOf(a), labelsOf(b)]
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = Buffer.compare(left[i] ?? Buffer.alloc(0), right[i] ?? Buffer.alloc(0))
    if (order !== 0) return order
  }
  return left.length - right.length
}

function keyOf(name: Uint8Array): string {
  return Buffer.from(lowerCaseName(name)).toString('latin1')
}

function sharedLabels(a: Uint8Array, b: Uint8Array): number {
  const [left, right] = [labelsOf(a), labelsOf(b)]
  let shared = 0
  while (
    shared < Math.min(left.length, right.length) &&
    left[shared]?.equals(right[shared] ?? Buffer.alloc(0))
  )
    shared++
  return shared
}

const oddLabel = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('a', 'b', 'A', 'ab', 'aB', '*', '0', 'zz') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '\x00',
      '\x01',
      '\x01\x01',
      '\x00\x00',
      'a\x00b',
      'a\x01',
      '\x02',
      '\x0f',
      '\x10',
      '.',
      'a.b',
      '\xff',
      '\x80',
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .uint8Array({ minLength: 1, maxLength: 20 })
      .map(octets => Buffer.from(octets).toString('latin1')),
  },
)
const oddName = fc
  .array(oddLabel, { maxLength: 9 })
  .map(labels =>
    Uint8Array.from([...labels.flatMap(label => [label.length, ...Buffer.from(label, 'latin1')]), 0]),
  )
const step = fc.record({ puts: fc.boolean(), name: oddName })

test('after any puts and removals the trie finds, encloses and walks as a plain map does', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.array(oddName, { maxLength: 12 }), (steps, others) => {
      const trie = new Trie()
      const model = new Map<string, Uint8Array>()
      for (const { puts, name } of steps) {
        if (puts) {
          trie.put(name)
          model.set(keyOf(name), name)
        } else {
          trie.remove(name)
          model.delete(keyOf(name))
        }
      }
      const present = [...model.values()].sort(compareNames)
      assert.deepEqual(trie.names(), present.map(formatName))
      for (const name of [...others, ...steps.map(({ name }) => name)]) {
        const found = trie.find(name)
        assert.equal(found.exact !== 0, model.has(keyOf(name)))
        assert.equal(found.encloserLabels, Math.max(0, ...present.map(other => sharedLabels(name, other))))
        const above = [...found.ancestorEntries.subarray(0, found.ancestors)].map(entry =>
          keyOf(readOwner(trie.arena, entry)),
        )
        assert.deepEqual(above, present.filter(other => isAbove(other, name)).map(keyOf))
        const after = present.filter(other => compareNames(other, name) > 0)
        assert.deepEqual(trie.names(name), after.map(formatName))
      }
    }),
    { numRuns: 4000, interruptAfterTimeLimit: 8000 },
  )
})

function isAbove(other: Uint8Array, name: Uint8Array): boolean {
  return other.length < name.length && sharedLabels(other, name) === labelsOf(other).length
}

test('a\\000b is one label and not b below a', () => {
  const trie = new Trie()
  trie.put(wire('b.a.'))
  assert.equal(trie.find(wire('a\\000b.')).exact, 0)
  trie.put(wire('a\\000b.'))
  assert.notEqual(trie.find(wire('a\\000b.')).exact, 0)
  assert.deepEqual(trie.names(), ['b.a.', 'a\\000b.'])
})

test('the order of the walk is that of the example in RFC 4034 6.1', () => {
  const names = [
    'example.',
    'a.example.',
    'yljkjljk.a.example.',
    'Z.a.example.',
    'zABC.a.EXAMPLE.',
    'z.example.',
    '\\001.z.example.',
    '*.z.example.',
    '\\200.z.example.',
  ]
  const trie = new Trie()
  for (const name of names.toReversed()) trie.put(wire(name))
  assert.deepEqual(trie.names(), names)
})

test('what removals free is used again: a full turn of churn needs no more memory', () => {
  const trie = new Trie()
  const names = Array.from({ length: 3000 }, (_, i) => wire(`h${(i * 7919) % 3000}.c${i % 7}.example.`))
  const empty = trie.arena.usedBytes
  for (const name of names) trie.put(name)
  const full = trie.arena.usedBytes
  for (const name of names) trie.remove(name)
  assert.equal(trie.arena.usedBytes, empty)
  const touched = trie.arena.touchedBytes
  for (let turn = 0; turn < 5; turn++) {
    for (const name of names) trie.put(name)
    assert.equal(trie.arena.usedBytes, full)
    for (const name of names) trie.remove(name)
  }
  assert.ok(trie.arena.touchedBytes <= touched * 1.01, `${trie.arena.touchedBytes} after ${touched}`)
})

test('a reader that has not moved on keeps seeing the old version until it is reclaimed', () => {
  const trie = new Trie()
  for (const name of ['a.', 'b.', 'c.d.']) trie.put(wire(name))
  const late = new TableReader(trie.arena.buffer)
  const cell = trie.arena.allocate(2)
  trie.arena.words.copyWithin(cell, trie.cell, trie.cell + 2)
  trie.table.remove(cell, wire('b.'))
  trie.table.put(
    cell,
    writeEntry(trie.arena, wire('x.d.'), [
      { rrset: { owner: wire('x.d.'), type: 1, ttl: 1, rdatas: [Uint8Array.of(1)] }, isDynamic: true },
    ]),
  )
  trie.arena.publish(cell)
  const seen = [...entriesAfter(late, late.root)].map(entry => formatName(readOwner(trie.arena, entry)))
  assert.deepEqual(seen, ['a.', 'b.', 'c.d.'])
  late.refresh()
  const now = [...entriesAfter(late, late.root)].map(entry => formatName(readOwner(trie.arena, entry)))
  assert.deepEqual(now, ['a.', 'c.d.', 'x.d.'])
})

test('names of 255 octets and of 127 labels are kept and found', () => {
  const trie = new Trie()
  const deep = wire('a.'.repeat(127))
  const long = wire(`${'x'.repeat(63)}.${'y'.repeat(63)}.${'z'.repeat(63)}.${'w'.repeat(61)}.`)
  const zeros = wire(
    `${'\\000'.repeat(63)}.${'\\000'.repeat(63)}.${'\\001'.repeat(63)}.${'\\000'.repeat(61)}.`,
  )
  assert.deepEqual([deep.length, long.length, zeros.length], [255, 255, 255])
  for (const name of [deep, long, zeros]) trie.put(name)
  for (const name of [deep, long, zeros]) assert.notEqual(trie.find(name).exact, 0)
  assert.equal(trie.find(wire('a.'.repeat(126))).encloserLabels, 126)
})
