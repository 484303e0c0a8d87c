import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ODD, render, TEXT_SYSTEMS, USUAL } from './render.ts'

const ALL_VALUES = [USUAL, ...ODD]
const COMMENT = { 'cisco-ios': '!', junos: '#', mikrotik: '#', vyos: '#', edgeos: '#', fortios: '#' } as const

type Device = keyof typeof COMMENT

for (const system of TEXT_SYSTEMS) {
  describe(`the text for ${system}`, () => {
    test('up begins with what it is, and ends with a ping of the server and whose address it is', () => {
      const text = render(system, 'up', USUAL)
      assert.match(text.split('\n')[0] ?? '', /IPv6 tunnel of nic\.ca/)
      const end = text.split('\n').slice(-6).join('\n')
      assert.match(end, /ping/i)
      assert.match(end, /You are 2001:db8:f6:1::2, nic\.ca\.freenet6\.net/)
    })
  })
}

describe('what up sets, down takes back', () => {
  for (const system of ['vyos', 'edgeos', 'junos'] as const) {
    test(`on ${system}: each set line lies under a delete line`, () => {
      for (const values of ALL_VALUES) {
        const deleted = commands(system, 'down', values).filter(line => line.startsWith('delete '))
        for (const line of commands(system, 'up', values).filter(line => line.startsWith('set ')))
          assert.ok(
            deleted.some(path => `${line.slice(4)} `.startsWith(`${path.slice(7)} `)),
            line,
          )
      }
    })
  }

  test('on cisco-ios: each object is removed by its own line with no', () => {
    const made = commands('cisco-ios', 'up', USUAL).filter(line =>
      /^(interface|ipv6 (route|access-list)) /.test(line),
    )
    const removed = commands('cisco-ios', 'down', USUAL)
    for (const line of made) assert.ok(removed.includes(`no ${line}`), line)
    assert.equal(made.length, 4)
  })

  test('on fortios: each entry of a table that is ours is deleted there', () => {
    const down = commands('fortios', 'down', USUAL).join('\n')
    assert.match(
      down,
      /^config router static6\ndelete 6464\nend\nconfig system sit-tunnel\ndelete "freenet6"\nend$/m,
    )
  })

  test('on mikrotik: everything that is added has a mark or name by which it is removed', () => {
    const added = commands('mikrotik', 'up', USUAL).filter(line => / add /.test(line))
    for (const line of added) {
      assert.match(line, /comment="freenet6"$/)
      const menu = line.slice(0, line.indexOf(' add '))
      for (const action of ['up', 'down'] as const)
        assert.ok(
          commands('mikrotik', action, USUAL).some(other => other.startsWith(`${menu} remove [find where `)),
        )
    }
  })
})

describe('the text of a new registration, pasted after the one before, leaves the new address alone', () => {
  const values = { ...USUAL, ipv6Client: '2001:db8:f6:7::2', ipv6Server: '2001:db8:f6:7::1' }
  const both = (system: Device) => [...commands(system, 'up', USUAL), ...commands(system, 'up', values)]

  for (const system of ['vyos', 'edgeos', 'junos'] as const)
    test(`on ${system}`, () => {
      const set = new Set<string>()
      for (const line of both(system)) {
        if (line.startsWith('set ')) set.add(line.slice(4))
        const path = line.startsWith('delete ') ? `${line.slice(7)} ` : undefined
        if (path !== undefined) for (const one of set) if (`${one} `.startsWith(path)) set.delete(one)
      }
      const addresses = [...set].filter(line => / address '?2001:/.test(line))
      assert.equal(addresses.length, 1)
      assert.ok(addresses[0]?.includes(values.ipv6Client))
    })

  test('on cisco-ios', () => {
    let addresses: string[] = []
    for (const line of both('cisco-ios')) {
      if (line === 'no ipv6 address') addresses = []
      else if (line.startsWith('ipv6 address ')) addresses.push(line)
    }
    assert.equal(addresses.length, 1)
    assert.ok(addresses[0]?.includes(values.ipv6Client))
  })
})

describe('the grammar of', () => {
  test('vyos, edgeos and junos: configure, set lines, commit, out again', () => {
    for (const system of ['vyos', 'edgeos', 'junos'] as const) {
      for (const action of ['up', 'down'] as const) {
        const lines = commands(system, action, USUAL)
        const verb = action === 'up' ? /^(set|delete) [a-z]/ : /^delete [a-z]/
        const commit = lines.findIndex(line => line.startsWith('commit'))
        assert.equal(lines[0], 'configure')
        for (const line of lines.slice(1, commit)) assert.match(line, verb)
        const rest = system === 'junos' ? ['commit and-quit'] : ['commit', 'save', 'exit']
        assert.deepEqual(lines.slice(commit, commit + rest.length), rest)
        for (const line of lines) assertQuotesAreClosed(line)
      }
    }
  })

  test('fortios: config and end, edit and next stand in pairs', () => {
    for (const action of ['up', 'down'] as const) {
      const open: string[] = []
      for (const line of commands('fortios', action, USUAL)) {
        const [word = ''] = line.split(' ')
        if (word === 'config' || word === 'edit') open.push(word)
        else if (word === 'end') assert.equal(open.pop(), 'config')
        else if (word === 'next') assert.equal(open.pop(), 'edit')
        else if (word === 'set' || word === 'delete') assert.ok(open.length > 0, line)
        else assert.equal(word, 'execute')
      }
      assert.deepEqual(open, [])
    }
  })

  test('cisco-ios: configure terminal, indented lines in blocks that are left, end', () => {
    for (const action of ['up', 'down'] as const) {
      const lines = render('cisco-ios', action, USUAL)
        .trimEnd()
        .split('\n')
        .filter(line => !line.startsWith('!'))
      assert.equal(lines[0], 'configure terminal')
      const end = lines.indexOf('end')
      assert.ok(end > 0)
      let block = ''
      for (const line of lines.slice(1, end)) {
        if (line.startsWith(' ')) assert.notEqual(block, '', line)
        else block = /^(interface|ipv6 access-list) /.test(line) ? line : ''
      }
    }
  })

  test('mikrotik: menus and commands that RouterOS has, values without a space or in quotes', () => {
    const command =
      /^\/(interface 6to4|ipv6 (address|route|firewall filter)) (add( [a-z0-9-]+=("[^"]*"|[^\s"]+))+|remove \[find where [a-z]+="[^"]*"\])$/
    for (const action of ['up', 'down'] as const) {
      for (const line of commands('mikrotik', action, USUAL))
        assert.match(
          line.trim(),
          line.trim().startsWith('/i') ? command : /^((:delay|\/ping) |:if \(\[[^\]]*\]\] = 0\) do=\{$|\}$)/,
        )
    }
  })

  test('pfsense: steps in order', () => {
    for (const action of ['up', 'down'] as const) {
      const steps = [...render('pfsense', action, USUAL).matchAll(/^ (\d)\. \S/gm)].map(([, step]) =>
        Number(step),
      )
      assert.deepEqual(
        steps,
        steps.map((_, index) => index + 1),
      )
      assert.ok(steps.length >= 5)
    }
  })
})

/** The lines that a device reads as commands. */
function commands(system: Device, action: 'up' | 'down', values: typeof USUAL): string[] {
  const lines = render(system, action, values).split('\n')
  return lines.map(line => line.trim()).filter(line => line !== '' && !line.startsWith(COMMENT[system]))
}

function assertQuotesAreClosed(line: string): void {
  assert.equal((line.match(/'/g)?.length ?? 0) % 2, 0, line)
  assert.doesNotMatch(line, /[`$;&|<>"\\]/)
}
