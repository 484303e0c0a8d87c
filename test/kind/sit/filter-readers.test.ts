/** The filter as the program and as the library make and read it, in a network of the test's own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Prefix } from '../../../src/address/prefix.ts'
import { parsePrefix } from '../../../src/address/prefix.ts'
import { Netlink } from '../../../src/kernel/netlink.ts'
import { runNft } from '../../../src/kernel/nft-command.ts'
import { readNftGeneration } from '../../../src/kernel/nft-generation.ts'
import { openNftLibrary } from '../../../src/kernel/nft-library.ts'
import { readElements } from '../../../src/kind/sit/netlink-elements.ts'
import {
  changeElements,
  FILTER_TABLE,
  getElements,
  keyOf,
  listElements,
  readSize,
} from '../../../src/kind/sit/shared-layout-elements.ts'
import {
  filterStands,
  installFilter,
  readRules,
  remakeFilter,
} from '../../../src/kind/sit/shared-layout-filter.ts'
import { OwnSleeperSet } from '../../../src/kind/sit/sleepers.ts'
import { enterOwnNetwork } from '../../own-network.ts'
import { missingPackages } from '../../packages.ts'

const missing = (await missingPackages(['nft'])) ?? (await enterOwnNetwork())
const SKIP = { skip: missing ?? false }
const TUNNELS = { table: FILTER_TABLE, set: 'tunnels' } as const
const OPTIONS = {
  device: 'fn6-all',
  pool: '2001:db8::/32',
  serverIpv4: '192.0.2.1',
  mtu: 1480,
  capacity: 20_000,
}

const netlink = await Netlink.open()
const library = await openNftLibrary()
assert.ok(netlink && library)

function admitted(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    endpoint: `198.51.${100 + (i >> 8)}.${i & 255}`,
    network: `20010db8${(i + 1).toString(16).padStart(8, '0')}`,
  }))
}

for (const [name, run] of [
  ['program', runNft],
  ['library', library],
] as const) {
  test(
    `${name}: the filter is made, and made again, and its elements are read the same both ways`,
    SKIP,
    async () => {
      assert.equal(await installFilter(run, OPTIONS, []), undefined)
      assert.equal(await changeElements(run, 'tunnels', { refused: [], admitted: admitted(5000) }), undefined)
      assert.equal(await installFilter(run, OPTIONS, []), undefined)
      const elements = await readElements(netlink, TUNNELS)
      assert.equal(elements?.size, 5000)
      assert.deepEqual(elements, await listElements(run, 'tunnels'))
    },
  )

  test(`${name}: a set keeps its size, whatever a later process would make`, SKIP, async () => {
    for (const capacity of [30_000, 4000]) {
      assert.equal(await installFilter(run, { ...OPTIONS, capacity }, []), undefined)
      assert.match((await readRules(run)) ?? '', /size 20000\n/)
      assert.equal((await readElements(netlink, TUNNELS))?.size, 5000)
    }
  })

  test(
    `${name}: the filter is made anew with what it is given and room for twice as many`,
    SKIP,
    async () => {
      assert.equal(await remakeFilter(run, OPTIONS, [...admitted(15_000), ...admitted(20)]), undefined)
      assert.match((await readRules(run)) ?? '', /size 30000\n/)
      assert.equal(await readSize(run, 'tunnels'), 30_000)
      assert.deepEqual(
        [...((await readElements(netlink, TUNNELS))?.values() ?? [])].map(keyOf).sort(),
        admitted(15_000).map(keyOf).sort(),
      )
      assert.equal(await remakeFilter(run, OPTIONS, admitted(5000)), undefined)
    },
  )

  test(`${name}: rules are read alike, and one that is taken out shows`, SKIP, async () => {
    const rules = await readRules(run)
    assert.equal(rules, await readRules(runNft))
    assert.doesNotMatch(rules ?? '', /198\.51/)
    await runNft(['flush', 'chain', 'ip', 'freenet6', 'input'])
    assert.notEqual(await readRules(run), rules)
    assert.equal(await installFilter(run, OPTIONS, []), undefined)
    assert.equal(await readRules(run), rules)
  })

  test(
    `${name}: a filter is known for the one that is wanted, whatever the size of its sets`,
    SKIP,
    async () => {
      const routed = { prefix: parsePrefix('2001:db8:8000::/33') as Prefix, length: 56 }
      assert.equal(await filterStands(run, { ...OPTIONS, capacity: 5 }), true)
      assert.equal(await filterStands(run, { ...OPTIONS, routed }), false)
      assert.equal(await filterStands(run, { ...OPTIONS, serverIpv4: '192.0.2.7' }), false)
      assert.equal(await installFilter(run, { ...OPTIONS, routed }, []), undefined)
      assert.equal(await filterStands(run, { ...OPTIONS, routed }), true)
      await runNft(['insert', 'rule', 'ip', 'freenet6', 'input', 'accept'])
      assert.equal(await filterStands(run, { ...OPTIONS, routed }), false)
      assert.equal(await installFilter(run, OPTIONS, []), undefined)
      assert.equal(await filterStands(run, OPTIONS), true)
    },
  )

  test(`${name}: some elements are got without the others, and none if one is missing`, SKIP, async () => {
    const some = await getElements(run, 'tunnels', admitted(3))
    assert.deepEqual(
      [...(some?.values() ?? [])].map(({ endpoint, packets }) => [endpoint, packets]),
      [
        ['198.51.100.0', 0],
        ['198.51.100.1', 0],
        ['198.51.100.2', 0],
      ],
    )
    assert.equal(await getElements(run, 'tunnels', admitted(5001).slice(-2)), undefined)
  })

  test(`${name}: a refused transaction says why and changes nothing`, SKIP, async () => {
    const { status, stderr } = await run(['-f', '-'], 'add element ip freenet6 nothing { 1 }\n')
    assert.notEqual(status, 0)
    assert.match(stderr, /No such file or directory/)
  })
}

test(
  'the generation stays while nothing changes, and grows by one with each transaction of anybody',
  SKIP,
  async () => {
    const first = (await readNftGeneration(netlink)) ?? 0
    await listElements(runNft, 'tunnels')
    assert.equal(await readNftGeneration(netlink), first)
    await changeElements(library, 'tunnels', { refused: admitted(1), admitted: [] })
    assert.equal(await readNftGeneration(netlink), first + 1)
    await runNft(['flush', 'set', 'ip', 'freenet6', 'tunnels'])
    assert.equal(await readNftGeneration(netlink), first + 2)
  },
)

test('a sleepers’ set of the other layout that is full grows', SKIP, async () => {
  await runNft(['flush', 'ruleset'])
  const small = new OwnSleeperSet(runNft, { serverIpv4: '192.0.2.1', capacity: 10 })
  assert.equal((await small.list())?.size, 0)
  assert.equal(await small.change({ refused: [], admitted: admitted(8) }, 0), undefined)
  const set = new OwnSleeperSet(runNft, { serverIpv4: '192.0.2.1', capacity: 10 })
  assert.equal(await set.change({ refused: [], admitted: admitted(300) }, 8), undefined)
  assert.equal((await set.list())?.size, 300)
})

test('without a table there are no elements and no rules', SKIP, async () => {
  await runNft(['flush', 'ruleset'])
  assert.equal(await readElements(netlink, TUNNELS), undefined)
  assert.equal(await readRules(library), undefined)
})

test('a call that the library can not take is no reason to take none after it', SKIP, async () => {
  const unreadable = library(['-f', '-'], Symbol('no text') as unknown as string)
  const next = library(['list', 'tables'])
  await assert.rejects(unreadable)
  assert.equal((await next).status, 0)
})
