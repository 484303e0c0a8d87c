/** The texts for routers that no machine here can run: their grammar, as far as it is known, and that up is taken back. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ODD_WIREGUARD, renderWireguard, type ScriptValues, USUAL_WIREGUARD } from './render.ts'

const ALL_VALUES = [USUAL_WIREGUARD, ...ODD_WIREGUARD]
const ROUTERS = ['mikrotik', 'vyos', 'opnsense'] as const

for (const system of ROUTERS) {
  describe(`the WireGuard text for ${system}`, () => {
    test('up begins with what it is, and ends with a ping of the server and whose address it is', () => {
      const lines = renderWireguard(system, 'up').trimEnd().split('\n')
      assert.match(lines[0] ?? '', /WireGuard tunnel of nic\.ca/)
      const end = lines.slice(-6).join('\n')
      assert.match(end, /ping/i)
      assert.match(end, /You are 2001:db8:f6:1::2, nic\.ca\.freenet6\.net/)
    })

    test('notes say where the key is, how it lasts, and what firewall and MTU do', () => {
      const notes = renderWireguard(system, 'notes')
      for (const line of [/private key/, /restart/, /^Firewall: .*alone/m, /^MTU: .*\b1420\b.*\b1360\b/m])
        assert.match(notes, line)
    })

    test('the routed prefix is named where there is one alone', () => {
      const [without] = ODD_WIREGUARD
      for (const part of ['up', 'notes'] as const) {
        const text = renderWireguard(system, part, without)
        assert.doesNotMatch(text, /routed to you|blackhole/)
      }
      const { routedPrefix } = USUAL_WIREGUARD
      assert.ok(renderWireguard(system, 'up').includes(routedPrefix))
    })
  })
}

describe('RouterOS', () => {
  const value = String.raw`("[^"\\$]*"|[^\s"\\$\[\];]+)`
  const find = String.raw`\[find where name="[^"]*"\]`
  const menus = 'interface wireguard|interface wireguard peers|ipv6 (address|route|firewall (filter|mangle))'
  const command = new RegExp(
    String.raw`^/(${menus}) (add( blackhole)?( [a-z0-9-]+=${value})+|set ${find}( [a-z0-9-]+=${value})+|remove \[find where comment="freenet6(-wireguard)?"\])$`,
  )

  test('up is one block, which ends before anything is done if the router has not the registered key', () => {
    for (const values of ALL_VALUES) {
      const lines = commands(renderWireguard('mikrotik', 'up', values))
      assert.equal(lines[0], '{')
      assert.equal(lines.at(-1), '}')
      assert.equal(
        lines[1],
        `:if ([:len [/interface wireguard find where name="freenet6" public-key="${values.publicKey}"]] = 0) do={`,
      )
      assert.match(lines[2] ?? '', /^:error "freenet6: [^"]*"$/)
      assert.equal(lines[3], '}')
      const [delay, ping] = lines.slice(-3)
      assert.deepEqual([delay, ping], [':delay 3s', `/ping ${values.ipv6Server} count=3`])
      for (const line of lines.slice(4, -3)) assert.match(line, command)
    }
  })

  test('the rules stand before the tunnel works, and the peer comes last', () => {
    const lines = commands(renderWireguard('mikrotik', 'up')).filter(line => / add /.test(line))
    assert.match(lines.at(-1) ?? '', /^\/interface wireguard peers add /)
    assert.match(lines[0] ?? '', /^\/ipv6 firewall filter add /)
  })

  test('down removes all that up adds, and keeps the interface that has the key', () => {
    const down = commands(renderWireguard('mikrotik', 'down'))
    const older = down.indexOf(':if ([:len [/interface wireguard find where name="freenet6"]] > 0) do={')
    assert.equal(down.at(-1), '}')
    for (const line of [...down.slice(0, older), ...down.slice(older + 1, -1)]) assert.match(line, command)
    const added = commands(renderWireguard('mikrotik', 'up')).filter(line => / add /.test(line))
    for (const line of added) {
      assert.match(line, /comment="freenet6-wireguard"$/)
      const menu = line.slice(0, line.indexOf(' add '))
      assert.ok(
        down.some(other => other === `${menu} remove [find where comment="freenet6-wireguard"]`),
        menu,
      )
    }
    assert.ok(down.includes('/interface wireguard set [find where name="freenet6"] disabled=yes'))
  })
})

describe('VyOS', () => {
  test('up looks at the key, configures, commits, saves, and goes out again', () => {
    for (const values of ALL_VALUES) {
      const lines = commands(renderWireguard('vyos', 'up', values))
      assert.ok(
        lines[0]?.startsWith(`[ "$(wg pubkey < /config/auth/freenet6.key)" = '${values.publicKey}' ]`),
      )
      assert.equal(lines[1], 'configure')
      const commit = lines.indexOf('commit')
      assert.deepEqual(lines.slice(commit, commit + 3), ['commit', 'save', 'exit'])
      const sets = lines.slice(2, commit)
      const key = `set interfaces wireguard wg0 private-key "$(cat /config/auth/freenet6.key)"`
      assert.ok(sets.includes(key))
      for (const line of sets.filter(other => other !== key)) {
        assert.match(line, /^(set|delete) [a-z]/)
        assert.equal((line.match(/'/g)?.length ?? 0) % 2, 0, line)
        assert.doesNotMatch(line, /[`$;&|<>"\\]/)
      }
    }
  })

  test('a server that has a name is a host-name, one that has an address an address', () => {
    const [, named = USUAL_WIREGUARD] = ODD_WIREGUARD
    const peer = (values: ScriptValues) =>
      renderWireguard('vyos', 'up', values).match(/peer freenet6 (address|host-name) .*/g)
    assert.deepEqual(peer(USUAL_WIREGUARD), ["peer freenet6 address '192.0.2.1'"])
    assert.deepEqual(peer(named), [`peer freenet6 host-name '${named.endpointHost}'`])
  })

  test('each set line lies under a delete line', () => {
    for (const values of ALL_VALUES) {
      const deleted = commands(renderWireguard('vyos', 'down', values)).filter(line =>
        line.startsWith('delete '),
      )
      const set = commands(renderWireguard('vyos', 'up', values)).filter(line => line.startsWith('set '))
      for (const line of set)
        assert.ok(
          deleted.some(path => `${line.slice(4)} `.startsWith(`${path.slice(7)} `)),
          line,
        )
    }
  })
})

describe('OPNsense', () => {
  test('steps in order, up and down', () => {
    for (const action of ['up', 'down'] as const) {
      const text = renderWireguard('opnsense', action)
      const steps = [...text.matchAll(/^ (\d)\. \S/gm)].map(([, step]) => Number(step))
      assert.ok(steps.length >= 5)
      assert.deepEqual(
        steps,
        steps.map((_, index) => index + 1),
      )
    }
  })

  test('each entry of up is deleted by down', () => {
    const [up, down] = [renderWireguard('opnsense', 'up'), renderWireguard('opnsense', 'down')]
    const places = [
      'VPN > WireGuard > Peers',
      'VPN > WireGuard > Instances',
      'Interfaces > Assignments',
      'Firewall > Rules > FREENET6',
      'Firewall > Settings > Normalization',
      'System > Gateways > Configuration',
    ]
    for (const place of places) assert.ok(up.includes(place) && down.includes(place), place)
  })
})

/** The lines that a router reads as commands. */
function commands(text: string): string[] {
  const lines = text.split('\n').map(line => line.trim())
  return lines.filter(line => line !== '' && !line.startsWith('#'))
}
