import assert from 'node:assert/strict'
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import type { Prefix } from '../../../src/address/prefix.ts'
import { parsePrefix } from '../../../src/address/prefix.ts'
import { SharedLayout, type SharedLayoutOptions } from '../../../src/kind/sit/shared-layout.ts'
import { listElements } from '../../../src/kind/sit/shared-layout-elements.ts'
import { IpRoutes } from '../../../src/kind/sit/shared-layout-routes.ts'
import type { Link } from '../../../src/tunnel/interface.ts'
import { FakeSharedKernel } from './fake-shared-kernel.ts'

const NOTHING = { made: [], removed: [], faults: [] }
const ELEMENT_1 = '198.51.100.1 . 0x20010db800f60001'
const ELEMENT_2 = '198.51.100.2 . 0x20010db800f60002'
const ELEMENT_3 = '198.51.100.3 . 0x20010db800f60003'

const directory = mkdtempSync(join(tmpdir(), 'freenet6-shared-'))
const forwardingPath = join(directory, 'forwarding')
after(() => rmSync(directory, { recursive: true }))

function layoutOn(kernel: FakeSharedKernel, options: Partial<SharedLayoutOptions> = {}): SharedLayout {
  writeFileSync(forwardingPath, '0\n')
  return new SharedLayout({
    devicePrefix: 'fn6-',
    serverIpv4: '192.0.2.1',
    mtu: 1480,
    prefix: parsePrefix('2001:db8:f6::/48') as Prefix,
    capacity: 1000,
    runIp: kernel.runIp,
    runNft: kernel.runNft,
    forwardingPath,
    ...options,
  })
}

async function setUp({ withGeneration = false } = {}) {
  const kernel = new FakeSharedKernel()
  const layout = layoutOn(kernel, withGeneration ? { readGeneration: async () => kernel.generation } : {})
  assert.deepEqual(await layout.prepare(), [])
  kernel.journal.length = 0
  return { kernel, layout }
}

function link(index: number, ipv4Client = `198.51.100.${index}`): Link {
  const network = `2001:db8:f6:${index.toString(16)}`
  return { device: `fn6-${index}`, ipv4Client, ipv6Server: `${network}::1`, ipv6Client: `${network}::2` }
}

test('the kernel is prepared: guard, filter, device, forwarding; a second time is no fault', async () => {
  const { kernel, layout } = await setUp()
  assert.deepEqual(await layout.prepare(), [])
  assert.deepEqual([...kernel.guarded], ['fn6-all'])
  assert.ok(kernel.elements)
  assert.deepEqual([...kernel.devices], ['fn6-all'])
  assert.equal(readFileSync(forwardingPath, 'utf8'), '1\n')
})

test('others’ routes are looked for before a tunnel’s own are put, and not where none is', async () => {
  const kernel = new FakeSharedKernel()
  const looks: (readonly [networks: readonly string[], routes: number])[] = []
  const layout = layoutOn(kernel, {
    tellForeign: async networks => void looks.push([networks, kernel.routes.size]),
  })
  await layout.prepare()
  await layout.create([{ ...link(1), routedPrefix: '2001:db8:8000::/56' }])
  assert.deepEqual(looks, [[['2001:db8:f6:1::/64', '2001:db8:8000::/56'], 0]])
  await layout.reconcile([{ ...link(1), routedPrefix: '2001:db8:8000::/56' }])
  assert.deepEqual(
    looks.slice(1).flatMap(([networks]) => networks),
    [],
  )
})

test('without a filter there is no device, and no tunnel is made', async () => {
  const { kernel, layout } = await setUp()
  kernel.brokenNft = 'nft can not be run: ENOENT'
  const [fault] = await layout.prepare()
  assert.match(fault?.reason ?? '', /no source filter, so no tunnels: nft can not be run/)
  assert.deepEqual([...kernel.devices], [])
  assert.equal((await layout.create([link(1)]))[0]?.device, 'fn6-1')
  assert.deepEqual([kernel.routes.size, kernel.locals.size], [0, 0])
})

test('devices of the other layout go before the filter that takes their rules away, and nothing is made while they stay', async () => {
  const kernel = new FakeSharedKernel()
  kernel.devices.add('fn6-7')
  let atFilter: readonly string[] | undefined
  const layout = layoutOn(kernel, {
    runNft: async (args, input) => {
      if (args[0] === '-f') atFilter ??= [...kernel.devices]
      return kernel.runNft(args, input)
    },
  })
  kernel.broken = { match: /tunnel del fn6-7/, words: 'RTNETLINK answers: Device or resource busy' }
  assert.equal((await layout.prepare())[0]?.device, 'fn6-7')
  assert.match(layout.trouble() ?? '', /what was made before is in the way: .*busy/)
  assert.equal((await layout.create([link(1)]))[0]?.device, 'fn6-1')
  assert.deepEqual([atFilter, kernel.elements], [undefined, undefined])
  kernel.broken = undefined
  assert.deepEqual(await layout.prepare(), [])
  assert.deepEqual(atFilter, [])
  assert.equal(layout.trouble(), undefined)
  assert.deepEqual((await layout.reconcile([link(1)])).removed, ['fn6-7'])
})

test('what was made with another prefix goes before the filter that takes its rules away', async () => {
  const kernel = new FakeSharedKernel()
  let isGone = false
  const layout = layoutOn(kernel, { removeFormerPrefix: async () => (isGone ? undefined : 'old-1 stays') })
  assert.match((await layout.prepare())[0]?.reason ?? '', /old-1 stays/)
  assert.equal(kernel.elements, undefined)
  isGone = true
  assert.deepEqual(await layout.prepare(), [])
  assert.ok(kernel.elements)
})

test('while something is in the way the device of a process before stays behind its filter, and goes without one', async () => {
  const { kernel } = await setUp()
  const layout = layoutOn(kernel, { removeFormerPrefix: async () => 'nft can not be run' })
  await layout.prepare()
  assert.deepEqual([...kernel.devices], ['fn6-all'])
  kernel.brokenNft = 'nft can not be run: ENOENT'
  await layout.prepare()
  assert.deepEqual([...kernel.devices], [])
})

/** `nft` in a kernel that has no memory for a transaction. */
function poor(kernel: FakeSharedKernel): Partial<SharedLayoutOptions> {
  const words = 'Error: Could not process rule: Cannot allocate memory'
  return {
    runNft: async (args, input) =>
      args[0] === '-f' ? { status: 1, stdout: '', stderr: words } : kernel.runNft(args, input),
  }
}

test('a filter that stands with the same rules is kept where it can not be brought up to date', async () => {
  const { kernel, layout } = await setUp()
  await layout.create([link(1)])
  const later = layoutOn(kernel, { ...poor(kernel), capacity: 2000 })
  const [fault] = await later.prepare()
  assert.match(fault?.reason ?? '', /^the source filter stays as it is: .*Cannot allocate memory$/)
  assert.equal(later.trouble(), undefined)
  assert.deepEqual([...kernel.devices], ['fn6-all'])
  assert.deepEqual([...kernel.routes.keys()], ['2001:db8:f6:1::/64'])
})

for (const [what, harm] of [
  ['for another address', (kernel: FakeSharedKernel) => ({ kernel, serverIpv4: '192.0.2.7' })],
  [
    'with a rule of somebody else',
    (kernel: FakeSharedKernel) => ({ kernel: Object.assign(kernel, { rules: ['accept', ...kernel.rules] }) }),
  ],
  [
    'without its last rule',
    (kernel: FakeSharedKernel) => ({ kernel: Object.assign(kernel, { rules: kernel.rules.slice(0, -1) }) }),
  ],
] as const) {
  test(`a filter ${what} that can not be brought up to date is none`, async () => {
    const { kernel } = await setUp()
    const { kernel: _, ...options } = harm(kernel)
    const later = layoutOn(kernel, { ...poor(kernel), ...options })
    await later.prepare()
    assert.match(later.trouble() ?? '', /no source filter, so no tunnels/)
    assert.deepEqual([...kernel.devices], [])
  })
}

test('an element is made before its route, and goes after it', async () => {
  const { kernel, layout } = await setUp()
  assert.deepEqual(await layout.create([link(1)]), [])
  assert.deepEqual(kernel.journal.splice(0), [
    `+ element ${ELEMENT_1}`,
    '+ local 2001:db8:f6:1::1/128',
    '+ route 2001:db8:f6:1::/64 ::198.51.100.1',
  ])
  assert.deepEqual(await layout.remove(['fn6-1']), [])
  assert.equal(kernel.journal[0], '- route 2001:db8:f6:1::/64')
  assert.equal(kernel.journal.at(-1), `- element ${ELEMENT_1}`)
  assert.deepEqual([kernel.elements?.size, kernel.routes.size, kernel.locals.size], [0, 0, 0])
})

test('many tunnels are two calls', async () => {
  const { kernel, layout } = await setUp()
  await layout.create([link(1)]) // the set is read before the first change
  kernel.calls = 0
  assert.deepEqual(await layout.create(Array.from({ length: 200 }, (_, index) => link(index + 2))), [])
  assert.equal(kernel.calls, 2)
  assert.equal(kernel.routes.size, 201)
})

test('a move takes the old endpoint out of the set and changes the route', async () => {
  const { kernel, layout } = await setUp()
  await layout.create([link(1), link(2)])
  assert.deepEqual(await layout.changeRemote([link(1, '198.51.100.77')]), [])
  assert.deepEqual([...(kernel.elements ?? [])], [ELEMENT_2, '198.51.100.77 . 0x20010db800f60001'])
  assert.equal(kernel.routes.get('2001:db8:f6:1::/64'), '::198.51.100.77')
})

test('a tunnel whose route fails is taken back', async () => {
  const { kernel, layout } = await setUp()
  kernel.broken = {
    match: /route replace .*f6:1::\/64/,
    words: 'RTNETLINK answers: No buffer space available',
  }
  assert.deepEqual(await layout.create([link(1), link(2)]), [
    { device: 'fn6-1', reason: 'No buffer space available' },
  ])
  assert.deepEqual([...(kernel.elements ?? [])], [ELEMENT_2])
  assert.deepEqual([...kernel.locals], ['2001:db8:f6:2::1/128'])
})

test('making and removing again are successes', async () => {
  const { kernel, layout } = await setUp()
  for (const _ of [1, 2]) assert.deepEqual(await layout.create([link(1)]), [])
  for (const _ of [1, 2]) assert.deepEqual(await layout.remove(['fn6-1', 'fn6-9']), [])
  assert.equal(kernel.elements?.size, 0)
})

test('a tunnel that another process made is removed by its name', async () => {
  const { kernel, layout } = await setUp()
  await layout.create([link(1), link(2)])
  assert.deepEqual(await layoutOn(kernel).remove(['fn6-1']), [])
  assert.deepEqual([...(kernel.elements ?? [])], [ELEMENT_2])
  assert.deepEqual([...kernel.routes.keys()], ['2001:db8:f6:2::/64'])
})

test('a change fails while the set can’t be read, and the next one takes the former endpoint out', async () => {
  const { kernel, layout } = await setUp()
  await layout.create([link(1)])
  const successor = layoutOn(kernel)
  kernel.brokenNft = 'nft can not be run: EAGAIN'
  const moved = [link(1, '198.51.100.77')]
  assert.deepEqual(
    (await successor.changeRemote(moved)).map(({ device }) => device),
    ['fn6-1'],
  )
  kernel.brokenNft = undefined
  assert.deepEqual(await successor.changeRemote(moved), [])
  assert.deepEqual([...(kernel.elements ?? [])], ['198.51.100.77 . 0x20010db800f60001'])
})

test('no move and no removal is a success while only the listing of the set fails', async () => {
  const { kernel, layout } = await setUp()
  await layout.create([link(1)])
  const blind = layoutOn(kernel, { listElements: async () => undefined })
  const fault = { device: 'fn6-1', reason: 'the set of the source filter can not be read' }
  assert.deepEqual(await blind.changeRemote([link(1, '198.51.100.77')]), [fault])
  assert.equal(kernel.routes.get('2001:db8:f6:1::/64'), '::198.51.100.1')
  assert.deepEqual(await blind.remove(['fn6-1']), [fault])
  assert.deepEqual([...(kernel.elements ?? [])], [ELEMENT_1])
})

test('a tunnel that is removed after a failed move takes the former endpoint with it', async () => {
  const { kernel, layout } = await setUp()
  await layout.create([link(1)])
  kernel.brokenNft = 'nft can not be run: EAGAIN'
  assert.equal((await layout.changeRemote([link(1, '198.51.100.77')])).length, 1)
  kernel.brokenNft = undefined
  assert.deepEqual(await layout.remove(['fn6-1']), [])
  assert.deepEqual([...(kernel.elements ?? [])], [])
})

test('a table that was flushed is made anew with all elements at the next change', async () => {
  const { kernel, layout } = await setUp()
  await layout.create([link(1)])
  kernel.elements = undefined
  assert.deepEqual(await layout.create([link(2)]), [])
  assert.deepEqual([...(kernel.elements ?? [])].sort(), [ELEMENT_1, ELEMENT_2])
})

test('a device that had another end of ours made every tunnel silent: all count as made anew, once', async () => {
  const { kernel, layout } = await setUp()
  await layout.reconcile([link(1), link(2)])
  kernel.local = '198.51.100.99'
  await layout.prepare() // whoever asks for it mends the device
  assert.deepEqual(await layout.reconcile([link(1), link(2)]), { ...NOTHING, made: ['fn6-1', 'fn6-2'] })
  assert.deepEqual(await layout.reconcile([link(1), link(2)]), NOTHING)
})

test('a set that an earlier process made for fewer tunnels stays, and grows when it is full', async () => {
  const { kernel, layout } = await setUp()
  await layout.create([link(1)])
  kernel.size = 2
  const later = layoutOn(kernel)
  assert.deepEqual(await later.prepare(), [])
  assert.equal(kernel.size, 2)
  assert.deepEqual(await later.create([link(2), link(3)]), [])
  assert.equal(kernel.size, 1000)
  assert.deepEqual([...(kernel.elements ?? [])].sort(), [ELEMENT_1, ELEMENT_2, ELEMENT_3])
})

test('a set that has become too small takes all tunnels that come, whatever it was made for', async () => {
  const kernel = new FakeSharedKernel()
  const layout = layoutOn(kernel, { capacity: 2 })
  await layout.prepare()
  const links = Array.from({ length: 20 }, (_, index) => link(index + 1))
  for (const one of links) assert.deepEqual(await layout.create([one]), [])
  assert.equal(kernel.elements?.size, 20)
  assert.deepEqual(await layout.reconcile(links), NOTHING)
  assert.equal(layout.trouble(), undefined)
})

test('a full set that can not grow costs the tunnels alone that do not fit', async () => {
  const { kernel, layout } = await setUp()
  await layout.create([link(1)])
  kernel.size = 1
  const small = layoutOn(kernel, {
    runNft: async (args, input = '') =>
      input.includes('delete table ip freenet6')
        ? { status: 1, stdout: '', stderr: 'Error: Could not process rule: Cannot allocate memory' }
        : kernel.runNft(args, input),
  })
  assert.deepEqual(await small.prepare(), [])
  const reason = 'Error: Could not process rule: Cannot allocate memory'
  assert.deepEqual(await small.create([link(2)]), [{ device: 'fn6-2', reason }])
  assert.deepEqual([...kernel.devices], ['fn6-all'])
  assert.deepEqual([...(kernel.elements ?? [])], [ELEMENT_1])
  assert.equal(small.trouble(), undefined)
})

test('more sleepers than the set was made for are listened for, and the tunnels stay', async () => {
  const kernel = new FakeSharedKernel()
  const layout = layoutOn(kernel, { capacity: 2 })
  await layout.prepare()
  await layout.create([link(1)])
  const links = Array.from({ length: 20 }, (_, index) => link(index + 2))
  assert.deepEqual(await layout.listenFor(links), new Set())
  assert.equal(kernel.sleepers.size, 20)
  assert.deepEqual([...(kernel.elements ?? [])], [ELEMENT_1])
})

for (const [what, harm] of [
  ['the table', (kernel: FakeSharedKernel) => (kernel.elements = undefined)],
  ['an element', (kernel: FakeSharedKernel) => kernel.elements?.delete(ELEMENT_1)],
  ['a route', (kernel: FakeSharedKernel) => kernel.routes.delete('2001:db8:f6:1::/64')],
  ['a server’s address', (kernel: FakeSharedKernel) => kernel.locals.delete('2001:db8:f6:1::1/128')],
  ['the device', (kernel: FakeSharedKernel) => kernel.routes.clear() ?? kernel.devices.clear()],
  [
    'the right endpoint of a route',
    (kernel: FakeSharedKernel) => kernel.routes.set('2001:db8:f6:1::/64', '::203.0.113.9'),
  ],
] as const) {
  test(`a reconciliation finds that ${what} is missing, mends it, and finds nothing then`, async () => {
    const { kernel, layout } = await setUp()
    const links = [link(1), link(2)]
    await layout.create(links)
    harm(kernel)
    const { made, removed, faults } = await layout.reconcile(links)
    assert.ok(made.includes('fn6-1'))
    assert.deepEqual([removed, faults], [[], []])
    assert.deepEqual(await layout.reconcile(links), NOTHING)
    assert.equal(kernel.elements?.size, 2)
    assert.equal(kernel.routes.get('2001:db8:f6:1::/64'), '::198.51.100.1')
  })
}

test('a reconciliation removes strays: elements, routes, addresses, devices of the other layout', async () => {
  const { kernel, layout } = await setUp()
  await layout.create([link(1), link(3)])
  kernel.elements?.add('203.0.113.9 . 0x20010db800f60001') // a second way in to a tunnel's network
  kernel.elements?.add('203.0.113.9 . 0x20010db800f60009')
  kernel.devices.add('fn6-7').add('other0')
  const { made, removed, faults } = await layout.reconcile([link(1)])
  assert.deepEqual([made, faults], [[], []])
  assert.deepEqual([...removed].sort(), ['2001:db8:f6:3::/64', '2001:db8:f6:9::/64', 'fn6-7'])
  assert.deepEqual([...(kernel.elements ?? [])], [ELEMENT_1])
  assert.deepEqual([...kernel.routes.keys()], ['2001:db8:f6:1::/64'])
  assert.deepEqual([...kernel.devices], ['fn6-all', 'other0'])
})

test('the device of another device_prefix, which has our end, makes room for ours', async () => {
  const { kernel, layout } = await setUp()
  await layout.create([link(1)])
  const later = layoutOn(kernel, { devicePrefix: 'tun-' })
  assert.deepEqual(await later.prepare(), [])
  assert.deepEqual([...kernel.devices], ['tun-all'])
  assert.deepEqual([...kernel.guarded], ['tun-all'])
  const renamed = { ...link(1), device: 'tun-1' }
  assert.deepEqual(await later.reconcile([renamed]), { made: ['tun-1'], removed: ['fn6-all'], faults: [] })
  assert.deepEqual(await later.reconcile([renamed]), NOTHING)
})

test('a device of somebody else that has our end stays, and is named', async () => {
  const kernel = new FakeSharedKernel()
  kernel.devices.add('hurricane-all')
  const layout = layoutOn(kernel)
  const [fault] = await layout.prepare()
  assert.equal(fault?.device, 'fn6-all')
  assert.match(
    fault?.reason ?? '',
    /^hurricane-all, .* has 192\.0\.2\.1 for its end; .*: ip tunnel del hurricane-all$/,
  )
  assert.deepEqual([...kernel.devices], ['hurricane-all'])
})

test('strays that were removed are not found again while the kernel tells of no change but ours', async () => {
  const { kernel, layout } = await setUp({ withGeneration: true })
  await layout.create([link(1)])
  kernel.elements?.add('203.0.113.9 . 0x20010db800f60001')
  kernel.elements?.add('203.0.113.9 . 0x20010db800f60009')
  assert.deepEqual((await layout.reconcile([link(1)])).removed, ['2001:db8:f6:9::/64'])
  assert.deepEqual(await layout.reconcile([link(1)]), NOTHING)
})

test('a row that holds no addresses is a fault of its own and spoils nothing', async () => {
  const { kernel, layout } = await setUp()
  const bad = { ...link(2), ipv4Client: '198.51.100.2 } ; flush ruleset' }
  const faults = await layout.create([link(1), bad])
  assert.deepEqual(
    faults.map(({ device }) => device),
    ['fn6-2'],
  )
  assert.deepEqual([...(kernel.elements ?? [])], [ELEMENT_1])
})

test('the set’s counters are signs of life by device, of those that are asked for', async () => {
  const { layout } = await setUp()
  await layout.create([link(1), link(2)])
  assert.deepEqual([...(await layout.signsOfLife(['fn6-1', 'fn6-9']))], [['fn6-1', 3]])
})

test('a filter that can’t be had is trouble until it can', async () => {
  const { kernel, layout } = await setUp()
  assert.equal(layout.trouble(), undefined)
  kernel.brokenNft = 'nft can not be run: ENOENT'
  await layout.prepare()
  assert.match(layout.trouble() ?? '', /no source filter, so no tunnels: nft can not be run/)
  kernel.brokenNft = undefined
  await layout.prepare()
  assert.equal(layout.trouble(), undefined)
})

const RESTART_MS = 5000
const SETTLE_MS = 500
const WATCH_START_MS = 3000

/** Programs `nft` and `ip` that say what the test says, in place of the monitors, and a clock that the test sets. */
function mockMonitors(t: TestContext) {
  for (const name of ['nft', 'ip']) {
    const script = '#!/bin/sh\n: > "$0.said"\necho $$ > "$0.pid"\nexec tail -f "$0.said"\n'
    writeFileSync(join(directory, name), script, { mode: 0o755 })
  }
  const path = process.env.PATH
  process.env.PATH = `${directory}:${path}`
  t.after(() => {
    process.env.PATH = path
  })
  let now = performance.now()
  t.mock.timers.enable({ apis: ['setTimeout'] })
  t.mock.method(performance, 'now', () => now)
  return {
    pass(milliseconds: number) {
      now += milliseconds
      t.mock.timers.tick(milliseconds)
    },
    say(name: 'nft' | 'ip', line: string) {
      appendFileSync(join(directory, `${name}.said`), `${line}\n`)
    },
    async started(name: string): Promise<number> {
      const file = join(directory, `${name}.pid`)
      await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'))
      const pid = Number(readFileSync(file, 'utf8'))
      rmSync(file)
      return pid
    },
  }
}

async function until(isSo: () => boolean): Promise<void> {
  const end = Date.now() + 60_000
  while (!isSo()) {
    assert.ok(Date.now() < end, 'it is not so within a minute')
    await new Promise(resolve => setImmediate(resolve))
  }
}

for (const name of ['nft', 'ip']) {
  test(`a comparison is believed once ${name} has had time to start to listen, a restarted one too`, async t => {
    const monitors = mockMonitors(t)
    const { layout } = await setUp()
    const stop = layout.watch(() => undefined)
    t.after(stop)
    const isBelieved = async () => {
      await layout.reconcile([link(1)])
      return layout.isSound()
    }
    const pids = { nft: await monitors.started('nft'), ip: await monitors.started('ip') }
    assert.equal(await isBelieved(), false)
    monitors.pass(WATCH_START_MS + 1)
    assert.equal(await isBelieved(), true)

    process.kill(pids[name as 'nft' | 'ip'])
    await until(() => !layout.isSound())
    monitors.pass(RESTART_MS)
    await monitors.started(name)
    monitors.pass(SETTLE_MS)
    assert.equal(await isBelieved(), false, 'it may not listen yet')
    monitors.pass(WATCH_START_MS)
    assert.equal(await isBelieved(), false, 'what it may have missed is still to be looked at')
    monitors.pass(SETTLE_MS)
    assert.equal(await isBelieved(), true)
  })
}

/** A layout whose watch hears all, and what tells it of a foreign element and waits until it has judged it to be harm. */
async function watched(t: TestContext, options: (kernel: FakeSharedKernel) => Partial<SharedLayoutOptions>) {
  const monitors = mockMonitors(t)
  const kernel = new FakeSharedKernel()
  const layout = layoutOn(kernel, { readGeneration: async () => kernel.generation, ...options(kernel) })
  let harms = 0
  t.after(layout.watch(() => void harms++))
  await monitors.started('nft')
  await monitors.started('ip')
  monitors.pass(WATCH_START_MS + 1)
  await layout.create([link(1)])
  await layout.reconcile([link(1)])
  assert.equal(layout.isSound(), true)
  return {
    kernel,
    layout,
    async tellOf(element: string) {
      monitors.say('nft', `add element ip freenet6 tunnels { ${element} counter packets 0 bytes 0 }`)
      await until(() => {
        monitors.pass(1)
        return harms > 0
      })
    },
  }
}

const FOREIGN = '203.0.113.9 . 0x20010db800f60001'

test('a comparison is not believed when harm was heard of while it went on', async t => {
  let listed: PromiseWithResolvers<void> | undefined
  const { kernel, layout, tellOf } = await watched(t, kernel => {
    const routes = new IpRoutes(kernel.runIp, 'fn6-all')
    return {
      routes: {
        list: async () => {
          const listing = await routes.list()
          await listed?.promise
          return listing
        },
        put: entries => routes.put(entries),
        take: entries => routes.take(entries),
      },
    }
  })
  listed = Promise.withResolvers()
  const comparison = layout.reconcile([link(1), link(2)])
  await new Promise(resolve => setImmediate(resolve))
  kernel.elements?.add(FOREIGN)
  kernel.generation++
  await tellOf(FOREIGN)
  listed.resolve()
  await comparison
  assert.equal(layout.isSound(), false)
  await layout.reconcile([link(1), link(2)])
  assert.deepEqual([...(kernel.elements ?? [])], [ELEMENT_1, ELEMENT_2])
})

test('a foreign change that came with one of ours is found once it is heard of', async t => {
  let isForeignDue = false
  const { kernel, layout, tellOf } = await watched(t, kernel => ({
    runNft: async (args, input) => {
      const outcome = await kernel.runNft(args, input)
      if (!isForeignDue || args[0] !== '-f') return outcome
      isForeignDue = false
      kernel.elements?.add(FOREIGN)
      kernel.generation++
      return outcome
    },
  }))
  isForeignDue = true
  await layout.create([link(1)]) // is there already: the kernel counts no change of ours
  assert.equal(isForeignDue, false)
  await tellOf(FOREIGN)
  await layout.reconcile([link(1)])
  assert.deepEqual([...(kernel.elements ?? [])], [ELEMENT_1])
})

test('what could not be made is not believed to be there: the next comparison makes it', async t => {
  const { kernel, layout } = await watched(t, () => ({}))
  const moved = link(1, '198.51.100.77')
  assert.deepEqual(await layout.remove(['fn6-1']), [])
  kernel.brokenNft = 'netlink: Error: Could not process rule: Device or resource busy'
  assert.equal((await layout.create([moved])).length, 1)
  kernel.brokenNft = undefined
  assert.equal(layout.isSound(), false)
  await layout.reconcile([moved])
  assert.deepEqual([...(kernel.elements ?? [])], ['198.51.100.77 . 0x20010db800f60001'])
  assert.equal(layout.isSound(), true)
})

test('nor is what could not be taken away believed to be gone', async t => {
  const { kernel, layout } = await watched(t, () => ({}))
  kernel.brokenNft = 'netlink: Error: Could not process rule: Device or resource busy'
  assert.equal((await layout.remove(['fn6-1'])).length, 1)
  kernel.brokenNft = undefined
  assert.equal(layout.isSound(), false)
})

test('a routed prefix comes and goes with a change, its element first and last; the link stays', async () => {
  const { kernel, layout } = await setUp()
  const routed = { ...link(1), routedPrefix: '2001:db8:8000:100::/56' }
  assert.deepEqual(await layout.create([link(1)]), [])
  assert.deepEqual(await layout.changeRemote([routed]), [])
  const element = '198.51.100.1 . 0x20010db880000100'
  assert.ok(kernel.elements?.has(element))
  assert.equal(kernel.routes.get('2001:db8:8000:100::/56'), '::198.51.100.1')
  kernel.journal.length = 0
  assert.deepEqual(await layout.changeRemote([link(1)]), [])
  const removal = kernel.journal.filter(line => line.startsWith('-'))
  assert.deepEqual(removal.slice(0, 1), ['- route 2001:db8:8000:100::/56'])
  assert.deepEqual([...(kernel.elements ?? [])], [ELEMENT_1])
  assert.deepEqual([...kernel.routes.keys()], ['2001:db8:f6:1::/64'])
  assert.deepEqual(await layout.reconcile([link(1)]), NOTHING)
  assert.deepEqual(await layout.reconcile([routed]), { ...NOTHING, made: ['fn6-1'] })
})

test('a return whose route can not be taken is a fault, and the tunnel stands', async () => {
  const { kernel, layout } = await setUp()
  const routed = { ...link(1), routedPrefix: '2001:db8:8000:100::/56' }
  await layout.create([routed])
  kernel.broken = { match: /route del/, words: 'RTNETLINK answers: Operation not permitted' }
  assert.deepEqual(await layout.changeRemote([link(1)]), [
    { device: 'fn6-1', reason: 'Operation not permitted' },
  ])
  kernel.broken = undefined
  assert.deepEqual(await layout.changeRemote([routed]), [])
  assert.deepEqual(await layout.reconcile([routed]), NOTHING)
})

test('octets are counted in both directions without the outer header, a routed prefix’s with the link’s', async () => {
  const kernel = new FakeSharedKernel()
  const sent = { packets: 10, bytes: 1200 }
  const network = '20010db880000100'
  const layout = layoutOn(kernel, {
    listElements: async set =>
      set === 'sent'
        ? new Map([
            [ELEMENT_1, { endpoint: '198.51.100.1', network: '20010db800f60001', ...sent }],
            [`198.51.100.1 . 0x${network}`, { endpoint: '198.51.100.1', network, ...sent }],
          ])
        : listElements(kernel.runNft, set),
  })
  await layout.prepare()
  await layout.create([{ ...link(1), routedPrefix: '2001:db8:8000:100::/56' }, link(2)])
  assert.deepEqual(
    [...(await layout.octets(['fn6-1', 'fn6-2', 'fn6-3']))],
    [
      ['fn6-1', { received: 480, sent: 2000 }],
      ['fn6-2', { received: 240, sent: 0 }],
    ],
  )
})

test('dormant tunnels are listened for, and no others; who was heard is told once', async () => {
  const { kernel, layout } = await setUp()
  assert.deepEqual(await layout.listenFor([link(1), link(2)]), new Set())
  assert.deepEqual([...kernel.sleepers.keys()], [ELEMENT_1, ELEMENT_2])
  kernel.sleepers = new Map(kernel.sleepers).set(ELEMENT_2, 3)
  assert.deepEqual(await layout.listenFor([link(1), link(2)]), new Set(['fn6-2']))
  assert.deepEqual([...kernel.sleepers.values()], [0, 0])
  assert.deepEqual(await layout.listenFor([link(1)]), new Set())
  assert.deepEqual([...kernel.sleepers.keys()], [ELEMENT_1])
  await layout.listenFor([])
  const { calls } = kernel
  assert.deepEqual(await layout.listenFor([]), new Set())
  assert.equal(kernel.calls, calls)
  kernel.elements = undefined
  assert.deepEqual(await layout.listenFor([link(1)]), new Set())
})
