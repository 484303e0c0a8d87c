import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NftOutcome } from '../../src/kernel/nft-command.ts'
import { removeFormerPrefix, removeSitLeftovers } from '../../src/kind/sit/sit-leftovers.ts'
import {
  removeFormerInterfaces,
  removeWireguardLeftovers,
} from '../../src/kind/wireguard/wireguard-leftovers.ts'
import { NoInterfaces } from '../../src/tunnel/no-interfaces.ts'

const DONE = { status: 0, stdout: '', stderr: '' }

/** `ip` and `nft` of a machine that has these links and tables; what they were asked to change is noted. */
function machine({
  links,
  tables,
  guarded = [],
  keys = '',
}: {
  readonly links: readonly object[]
  readonly tables: string
  /** Devices with a rule of the routing policy as the shared layout makes it. */
  readonly guarded?: readonly string[]
  /** As `wg show all public-key` writes them. */
  readonly keys?: string
}) {
  const changes: string[] = []
  const told: object[] = []
  const ip = async (args: readonly string[], input = '') => {
    if (args.includes('rule') && args.includes('show')) {
      const rules = guarded.map(iif => ({ priority: 246, src: 'all', iif, action: 'blackhole' }))
      return { ...DONE, stdout: JSON.stringify([{ priority: 0, src: 'all', table: 'local' }, ...rules]) }
    }
    if (args[0] === '-json') return { ...DONE, stdout: JSON.stringify(links) }
    const lines = args.includes('-batch') ? input.split('\n').filter(line => line !== '') : [args.join(' ')]
    changes.push(...lines)
    return DONE
  }
  const nft = async (args: readonly string[], input = ''): Promise<NftOutcome> => {
    if (args[0] === 'list') return { ...DONE, stdout: tables }
    changes.push(...input.split('\n').filter(line => line !== ''))
    return DONE
  }
  const end = (device: string) => {
    changes.push(`end ${device}`)
  }
  const wg = async () => ({ kind: 'done', output: keys }) as const
  const log = { warn: (facts: object) => void told.push(facts) }
  return { changes, told, tools: { ip, nft, end, wg, log } }
}

test('of sit tunnels both layouts’ devices go, then their filter, and nothing of anybody else', async () => {
  const sit = (ifname: string) => ({ ifname, linkinfo: { info_kind: 'sit' } })
  const { changes, tools } = machine({
    links: [sit('sit0'), sit('fn6-all'), sit('fn6-12'), sit('fn6-office'), sit('he-ipv6')],
    tables: 'table ip filter\ntable ip freenet6\ntable ip6 freenet6\n',
  })
  assert.deepEqual(await removeSitLeftovers('fn6-', tools), [])
  assert.deepEqual(changes, [
    'tunnel del fn6-all',
    'tunnel del fn6-12',
    '-6 rule del priority 246 iif fn6-all',
    '-6 route flush table local proto 246',
    'delete table ip freenet6',
    'delete table ip6 freenet6',
  ])
})

test('devices of a former prefix go, which the rules name, before there are rules for another', async () => {
  const sit = (ifname: string) => ({ ifname, linkinfo: { info_kind: 'sit' } })
  const links = [sit('sit0'), sit('old-1'), sit('old-12'), sit('old-office'), sit('fn6-3')]
  const rulesOf = (prefix: string) =>
    `table ip6 freenet6 {\n iifname "${prefix}*" fib saddr . iif oif missing drop`
  const former = machine({ links, tables: rulesOf('old-') })
  assert.equal(await removeFormerPrefix('fn6-', former.tools), undefined)
  assert.deepEqual(former.changes, ['tunnel del old-1', 'tunnel del old-12', 'link delete dev old-wg'])
  for (const tables of [rulesOf('fn6-'), '']) {
    const { changes, tools } = machine({ links, tables })
    assert.equal(await removeFormerPrefix('fn6-', tools), undefined)
    assert.deepEqual(changes, [])
  }
  const stuck = machine({ links, tables: rulesOf('old-') })
  const ip = async (args: readonly string[], input?: string) =>
    args.includes('-batch')
      ? { status: 1, stdout: '', stderr: 'RTNETLINK answers: Device or resource busy\nCommand failed -:1\n' }
      : stuck.tools.ip(args, input)
  assert.match((await removeFormerPrefix('fn6-', { ...stuck.tools, ip })) ?? '', /^old-1, which .*busy/)
  const answers = (stderr: string) => async () => ({ status: 1, stdout: '', stderr })
  const none = answers('Error: No such file or directory; did you mean table ‘x’?')
  assert.equal(await removeFormerPrefix('fn6-', { ...stuck.tools, nft: none }), undefined)
  const silent = answers('nft can not be run: EACCES')
  assert.match((await removeFormerPrefix('fn6-', { ...stuck.tools, nft: silent })) ?? '', /EACCES/)
})

test('the shared device of a former prefix goes, wherever its end is, and so does its guard; it is told', async () => {
  const sit = (ifname: string) => ({ ifname, linkinfo: { info_kind: 'sit' } })
  const links = [sit('old-all'), sit('fn6-all'), sit('office-all')]
  const { changes, told, tools } = machine({ links, tables: '', guarded: ['fn6-all', 'old-all', 'gone-all'] })
  assert.equal(await removeFormerPrefix('fn6-', tools), undefined)
  assert.deepEqual(changes, [
    'tunnel del old-all',
    '-6 rule del priority 246 iif old-all',
    '-6 rule del priority 246 iif gone-all',
  ])
  assert.deepEqual(told, [{ devices: ['old-all', 'gone-all'], count: 2 }])
})

test('it goes too where sit is not offered any more', async () => {
  const links = [{ ifname: 'old-all', linkinfo: { info_kind: 'sit' } }]
  const { changes, tools } = machine({ links, tables: '', guarded: ['old-all'] })
  assert.deepEqual(await removeSitLeftovers('fn6-', tools), [])
  assert.equal(changes[0], 'tunnel del old-all')
})

test('one that the kernel keeps is no reason to believe that it is gone', async () => {
  const links = [{ ifname: 'old-all', linkinfo: { info_kind: 'sit' } }]
  const { tools } = machine({ links, tables: '', guarded: ['old-all'] })
  const ip: typeof tools.ip = async (args, input) =>
    args[0] === 'tunnel' ? { status: 1, stdout: '', stderr: 'busy' } : tools.ip(args, input)
  assert.match((await removeFormerPrefix('fn6-', { ...tools, ip })) ?? '', /^old-all, which .*: busy/)
})

test('the WireGuard interface of a former prefix is known by the server’s key, and one with another key stays', async () => {
  const keys = 'old-wg\tours\nfn6-wg\tours\nwg0\tours\nother-wg\ttheirs\ngo-wg\tours\n'
  const { changes, told, tools } = machine({ links: [{ ifname: 'old-wg' }], tables: '', keys })
  const own = { device: 'fn6-wg', publicKey: 'ours' }
  assert.equal(await removeFormerInterfaces(own, tools), undefined)
  assert.deepEqual(changes, ['link delete dev old-wg', 'end go-wg'])
  assert.deepEqual(told, [{ device: 'old-wg' }, { device: 'go-wg' }])
  const ip = async (args: readonly string[], input?: string) =>
    args[1] === 'delete' ? { status: 1, stdout: '', stderr: 'busy' } : tools.ip(args, input)
  const fault = await removeFormerInterfaces(own, { ...tools, ip })
  assert.deepEqual([fault?.device, fault?.reason.endsWith('busy')], ['old-wg', true])
})

test('of WireGuard the interface goes with the server’s addresses and rules', async () => {
  const { changes, tools } = machine({
    links: [{ ifname: 'wg0' }, { ifname: 'fn6-wg' }],
    tables: 'table ip6 freenet6_wg\n',
  })
  assert.deepEqual(await removeWireguardLeftovers('fn6-', tools), [])
  assert.deepEqual(changes, [
    'link delete dev fn6-wg',
    '-6 route flush table local proto 247',
    'delete table ip6 freenet6_wg',
  ])
})

test('a program that carries the interface is ended, and an interface of another kind that has the name stays', async () => {
  const { changes, tools } = machine({ links: [{ ifname: 'wg0' }], tables: '' })
  assert.deepEqual(await removeWireguardLeftovers('fn6-', tools), [])
  assert.deepEqual(changes, ['end fn6-wg', '-6 route flush table local proto 247'])
})

test('what could not be removed is tried again with each comparison, until it is gone', async () => {
  const faults = [[{ device: 'fn6-all', reason: 'busy' }], []]
  let calls = 0
  const none = new NoInterfaces('sit is not among tunnel.kinds', async () => faults[calls++] ?? [])
  assert.deepEqual(await none.prepare(), [{ device: 'fn6-all', reason: 'busy' }])
  assert.deepEqual((await none.reconcile([])).faults, [])
  await none.reconcile([])
  assert.equal(calls, 2)
})
