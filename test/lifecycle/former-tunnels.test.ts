import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { FormerTunnels } from '../../src/former-tunnels.ts'
import { SIT } from '../../src/kind/sit/sit.ts'
import { Kinds } from '../../src/tunnel/kind.ts'
import { NoInterfaces } from '../../src/tunnel/no-interfaces.ts'
import { enterOwnNetwork } from '../own-network.ts'
import { FakeKernel, registerOne, SILENT, World } from './world.ts'

const REQUEST = { ipv4: '198.51.100.1', country: 'ca', os: 'linux', nicname: 'house' }
const TUNNEL = '-6 route add 2001:db8:f6:7::/64 dev tunnels0 proto 246'

/** Starts with a driver that does as it is told of the kernel; what it was told is added to `told`. */
function kindsThatAsk(told: (string | undefined)[]): Kinds {
  const openDriver: typeof SIT.openDriver = async ({ claimKernel }) => {
    const refusal = await claimKernel()
    told.push(refusal)
    return refusal === undefined ? new FakeKernel() : new NoInterfaces('it was refused', async () => [])
  }
  return new Kinds({ ...SIT, openDriver })
}

function ip(words: string): void {
  execFileSync('ip', words.split(' '))
}

test('a table that has only just been made takes nobody’s tunnels away', async t => {
  const missing = await enterOwnNetwork()
  if (missing !== undefined) return t.skip(missing)
  ip('link add tunnels0 type veth peer name tunnels1')
  ip('link set tunnels0 up')
  ip('-6 route add unreachable 2001:db8:f6::/48 proto 246')

  await t.test(
    'where the kernel has none it is taken at once, and its tunnels are no others’ later',
    async t => {
      const told: (string | undefined)[] = []
      let world = await World.open({ kinds: kindsThatAsk(told) })
      t.after(() => world.end())
      ip(TUNNEL)
      world = await world.restart({ kinds: kindsThatAsk(told) })
      assert.deepEqual(told, [undefined, undefined])
    },
  )

  await t.test('where it has some it is refused, also after a registration, until they are gone', async t => {
    const told: (string | undefined)[] = []
    let world = await World.open({ kinds: kindsThatAsk(told) })
    t.after(() => world.end())
    assert.equal((await registerOne(world.lifecycle, REQUEST)).kind, 'registered')
    world = await world.restart({ kinds: kindsThatAsk(told) })
    ip('-6 route del 2001:db8:f6:7::/64')
    world = await world.restart({ kinds: kindsThatAsk(told) })
    ip(TUNNEL)
    world = await world.restart({ kinds: kindsThatAsk(told) })
    const [first, second, ...rest] = told
    assert.match(
      first ?? '',
      /^this kernel has tunnels \(tunnels0\), and the table in \S+ is new: .* ip link delete tunnels0$/,
    )
    assert.equal(second, first)
    assert.deepEqual(rest, [undefined, undefined])
  })
})

test('where nobody can tell whether the kernel has tunnels nothing is taken, until somebody can', async () => {
  const answers = [
    { status: -1, stdout: '', stderr: 'spawn ip EAGAIN' },
    { status: 1, stdout: '', stderr: 'Cannot open netlink socket: Too many open files' },
    { status: 0, stdout: '2001:db8:f6:7::/64 dev tunnels0 metric 1024 pref medium\n', stderr: '' },
  ]
  const former = new FormerTunnels({
    store: { isAbsent: false, secret: () => undefined, keepSecret: () => undefined },
    isNew: true,
    dataDir: '/var/lib/freenet6',
    devicePrefix: 'fn6-',
    run: async () => answers.shift() ?? { status: 0, stdout: '', stderr: '' },
    log: SILENT,
  })
  assert.match((await former.refusal()) ?? '', /can't be told: spawn ip EAGAIN/)
  assert.match((await former.refusal()) ?? '', /can't be told: Cannot open netlink socket/)
  const both = await Promise.all([former.refusal(), former.refusal()])
  for (const refusal of both) assert.match(refusal ?? '', /has tunnels \(tunnels0\)/)
})
