import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, type TestContext, test } from 'node:test'
import { cannot, requirePackages } from '../packages.ts'
import { PRIVATE_KEY, render, renderWireguard, USUAL } from './render.ts'
import { type HostRun, ScriptHost } from './script-host.ts'
import { UCI } from './uci.ts'

const TOOLS = {
  uci: UCI,
  ifup: ':',
  ifdown: ':',
  ping6: ':',
  ubus: '[ -e "$STATE/loaded" ]',
  wg: 'exec /usr/bin/wg "$@"',
} as const
/** A router with both packages and a key, whose netifd has the interface of the configuration that it loaded last. */
const SETTING = `mkdir -p /run/upper /run/work /run/busybox /etc/init.d /etc/wireguard /etc/config
touch /etc/config/network; [ -e "$STATE/absent" ] || touch /etc/config/firewall
mount -t overlay overlay -o lowerdir=/usr/lib,upperdir=/run/upper,workdir=/run/work /usr/lib
mkdir -p /lib/netifd/proto && touch /lib/netifd/proto/6in4.sh /lib/netifd/proto/wireguard.sh
busybox --install -s /run/busybox
(umask 077; echo '${PRIVATE_KEY}' > /etc/wireguard/freenet6.key)
echo '[ ! -e "$STATE/uci.network.freenet6" ] && rm -f "$STATE/loaded" || : > "$STATE/loaded"' > /etc/init.d/network
echo ':' > /etc/init.d/firewall
chmod 755 /etc/init.d/network /etc/init.d/firewall
PATH=$STATE/bin:/run/busybox
`
const ZONE = 'uci.firewall.@zone[0].network'
const STAGED = 'ls "$STATE/staged" 2> /dev/null'
const KINDS = {
  sit: { kind: '6in4', up: render('openwrt', 'up', USUAL), down: render('openwrt', 'down', USUAL) },
  wireguard: {
    kind: 'wireguard',
    up: renderWireguard('openwrt', 'up'),
    down: renderWireguard('openwrt', 'down'),
  },
} as const
/** What may befall a script at a call of uci: a signal while it runs, or its failure. */
const TROUBLES = { 'is stopped': 'kill -HUP $PPID', fails: 'exit 1' } as const

let host: ScriptHost

beforeEach(() => begin())
afterEach(() => host.end())

for (const [name, { kind, up, down }] of Object.entries(KINDS)) {
  for (const [befalls, trouble] of Object.entries(TROUBLES)) {
    // What a failure leads to is the same for both kinds, and each run takes a while.
    if (name === 'wireguard' && befalls === 'fails') continue
    describe(`the ${name} scripts for openwrt where one ${befalls} at a call of uci`, () => {
      test('up leaves the uplink in its zone and nothing staged, and the next run is whole', async t => {
        if (!(await isReady(t))) return
        for (const call of callsOf(run(up))) {
          begin()
          assertUnhurt(run(up, at(call, trouble)), call)
          assert.equal(run(up).status, 0, call)
          assert.equal(host.recall(ZONE), 'wan\nwan6\nfreenet6\n', call)
          assert.equal(host.recall('uci.network.freenet6.proto'), `${kind}\n`, call)
        }
      })

      test('down leaves the uplink in its zone and nothing staged, and the next run takes everything', async t => {
        if (!(await isReady(t))) return
        begin(kind)
        for (const call of callsOf(run(down))) {
          begin(kind)
          assertUnhurt(run(down, at(call, trouble)), call)
          assert.equal(run(down).status, 0, call)
          assert.equal(host.recall(ZONE), 'wan\nwan6\n', call)
          const left = ['uci.network.freenet6', 'uci.network.freenet6_server', 'loaded']
          assert.deepEqual(
            left.filter(file => host.has(file)),
            [],
            call,
          )
        }
      })
    })
  }

  test(`the ${name} undo for openwrt needs no firewall: it may have been removed since`, async t => {
    if (!(await isReady(t))) return
    begin(kind)
    for (const key of ['', '.name', '.network']) host.forget(`uci.firewall.@zone[0]${key}`)
    host.remember('absent', 'firewall')
    assert.match(run(up).stderr, /the firewall has no zone wan/)
    const { status, stdout, stderr } = run(down)
    assert.equal(status, 0, stderr)
    assert.match(stdout, /the tunnel is removed/)
    assert.ok(!host.has('uci.network.freenet6'))
  })

  test(`the ${name} scripts for openwrt drop what an earlier run left staged, and keep what others have`, async t => {
    if (!(await isReady(t))) return
    const left = `uci delete 'firewall.@zone[0].network'\nuci set network.freenet6=interface\n`
    const others = `uci set 'firewall.@zone[0].input=ACCEPT'\nuci set network.lan=interface\n`
    const broken = at('delete firewall.@zone[0].network', 'exit 1')
    const after = `uci get 'firewall.@zone[0].input'; uci get network.lan`
    run('', left + others)
    for (const [before, status] of [
      [broken, 1],
      ['', 0],
    ] as const) {
      const ran = run(up, before, after)
      assert.deepEqual([ran.status, ran.stdout.split('\n').slice(-3)], [status, ['ACCEPT', 'interface', '']])
      assert.match(host.recall(ZONE), /^wan\nwan6\n/)
    }
  })
}

/** A router with an uplink; if kind is given, with a tunnel of it as well. */
function begin(kind = ''): void {
  host?.end()
  host = new ScriptHost(TOOLS)
  const tunnel = {
    'network.freenet6': 'interface',
    'network.freenet6.proto': kind,
    ...(kind === 'wireguard' ? { 'network.freenet6_server': 'wireguard_freenet6' } : {}),
    'firewall.@zone[0].network': 'wan\nwan6\nfreenet6',
  }
  const router = {
    'firewall.@zone[0]': 'zone',
    'firewall.@zone[0].name': 'wan',
    'firewall.@zone[0].network': 'wan\nwan6',
    ...(kind === '' ? {} : tunnel),
  }
  if (kind !== '') host.remember('loaded', '')
  for (const [key, value] of Object.entries(router)) host.remember(`uci.${key}`, `${value}\n`)
}

async function isReady(t: TestContext): Promise<boolean> {
  if (process.getuid?.() === 0) return requirePackages(t, ['busybox', 'wg'])
  t.skip(cannot('this needs root'))
  return false
}

function run(script: string, before = '', after = ''): HostRun {
  return host.run(script, { before: `${SETTING}${before}`, after })
}

/** The calls of uci in a run that nothing befell: the first of each kind for each configuration. */
function callsOf(ran: HostRun): readonly string[] {
  assert.equal(ran.status, 0, ran.stdout + ran.stderr)
  const calls = ran.calls.split('\n').filter(call => call.startsWith('uci '))
  const firsts = new Map(calls.reverse().map(call => [/^uci (?:-q )?(\w+ \w+)/.exec(call)?.[1], call]))
  return [...firsts.values()].map(call => call.replace(/^uci (?:-q )?/, ''))
}

/** Has the trouble come at the call. */
function at(call: string, trouble: string): string {
  return `cat > "$STATE/trouble" << 'END'\n[ "$*" != '${call}' ] || { rm "$STATE/trouble"; ${trouble}; }\nEND\n`
}

function assertUnhurt(ran: HostRun, call: string): void {
  assert.notEqual(ran.status, 0, call)
  if (ran.status === 1) assert.match(ran.stderr, /^freenet6: /m, call)
  assert.match(host.recall(ZONE), /^wan\nwan6\n/, call)
  assert.equal(host.run(STAGED).stdout, '', call)
}
