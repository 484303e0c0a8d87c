import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OptionMistake, parseOptions } from '../../bench/options.ts'

function options(...args: string[]) {
  const parsed = parseOptions(args)
  return parsed === 'help' ? assert.fail() : parsed
}

test('without options everything is measured against every peer, three rounds, into docs/benchmarks.md', () => {
  const { parts, peers, rounds, seconds, tunnels, sizes, records, report } = options()
  assert.equal(parts.size, 15)
  assert.deepEqual([...peers], ['nsd', 'knot', 'bind', 'powerdns'])
  assert.deepEqual(
    { rounds, seconds, tunnels, sizes, records },
    { rounds: 3, seconds: 2, tunnels: 100_000, sizes: [1000, 1_000_000], records: 1_000_000 },
  )
  assert.equal(report, 'docs/benchmarks.md')
})

test('parts and peers can be picked', () => {
  const { parts, peers } = options('--only', 'tcp,udp', '--peers', 'knot')
  assert.deepEqual([[...parts], [...peers]], [['udp', 'tcp'], ['knot']])
  assert.equal(options('--peers', 'none').peers.size, 0)
})

test('a quick run is short, and overwrites no report', () => {
  const { rounds, seconds, sizes, report } = options('--quick')
  assert.deepEqual({ rounds, seconds, sizes, report }, { rounds: 1, seconds: 1, sizes: [], report: '-' })
  assert.equal(options('--quick', '--rounds', '2').rounds, 2)
})

for (const args of [
  ['--only', 'udp,upd'],
  ['--peers', 'unbound'],
  ['--rounds', '0'],
  ['--seconds', '1.5'],
  ['--fast'],
]) {
  test(`${args.join(' ')} is a mistake`, () => assert.throws(() => parseOptions(args), OptionMistake))
}
