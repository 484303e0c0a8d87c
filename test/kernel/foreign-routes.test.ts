/** Both ways to look for other programs' routes, on the real kernel in a network of the test's own. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, afterEach, test } from 'node:test'
import { FEW, ForeignRoutes } from '../../src/kernel/foreign-routes.ts'
import { runIp } from '../../src/kernel/ip-command.ts'
import { Netlink } from '../../src/kernel/netlink.ts'
import { NetlinkRoutes } from '../../src/kind/sit/netlink-routes.ts'
import { enterOwnNetwork } from '../own-network.ts'
import { missingPackages } from '../packages.ts'

const missing = (await missingPackages(['ip'])) ?? (await enterOwnNetwork())
const SKIP = { skip: missing ?? false }
const OURS = '2001:db8:f6:1::/64'
const STATIC = '2001:db8:f6:2::/64'
const DAEMONS = '2001:db8:8000:100::/56'
const BARRED = '2001:db8:f6:4::/64'
const FREE = '2001:db8:f6:5::/64'
const ALL = [OURS, STATIC, DAEMONS, BARRED, FREE]

const netlink = await Netlink.open()
assert.ok(netlink)
const routes = new NetlinkRoutes(netlink, 'fn6-all')
const WAYS = { ip: undefined, netlink: (networks: readonly string[]) => routes.suspect(networks) }

let told: { readonly network?: string; readonly route?: string }[] = []

function ip(line: string): string {
  return execFileSync('ip', line.split(' '), { encoding: 'utf8' })
}

if (missing === undefined) {
  ip('link set lo up')
  ip('link add fn6-all type veth peer name far0')
  ip('link set far0 up')
  ip('link set fn6-all up')
  ip('-6 route add unreachable 2001:db8:f6::/48 metric 4278198271')
  ip('-6 route add default dev far0')
  ip(`-6 route add ${OURS} dev fn6-all proto 246`)
  ip(`-6 route add ${STATIC} dev far0`)
  ip(`-6 route add ${DAEMONS} dev far0 proto bird metric 32`)
  ip(`-6 route add blackhole ${BARRED}`)
  after(() => ip('link del fn6-all'))
}
afterEach(() => {
  told = []
})

for (const [name, suspect] of Object.entries(WAYS)) {
  const foreign = () =>
    new ForeignRoutes({
      protocol: '246',
      run: runIp,
      suspect,
      log: { warn: facts => void told.push(facts) },
    })

  test(`${name}: others' routes to tunnels' networks are told with what they say, once`, SKIP, async () => {
    const looker = foreign()
    await looker.tell([OURS, STATIC, DAEMONS, FREE])
    await looker.tell([OURS, STATIC, DAEMONS, FREE])
    assert.deepEqual(told, [
      { network: STATIC, route: `${STATIC} dev far0 metric 1024 pref medium` },
      { network: DAEMONS, route: `${DAEMONS} dev far0 proto bird metric 32 pref medium` },
    ])
  })

  test(`${name}: of many networks the same is told`, SKIP, async () => {
    const many = Array.from({ length: FEW }, (_, i) => `2001:db8:f6:${(i + 0x100).toString(16)}::/64`)
    await foreign().tell([...many, ...ALL])
    assert.deepEqual(
      told.map(({ network }) => network),
      [STATIC, DAEMONS, BARRED],
    )
  })

  test(`${name}: a blackhole is told too`, SKIP, async () => {
    await foreign().tell([OURS, BARRED, FREE])
    assert.deepEqual(
      told.map(({ route }) => route?.split(' ', 2).join(' ')),
      [`blackhole ${BARRED}`],
    )
  })
}
