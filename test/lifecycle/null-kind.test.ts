import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatIpv6 } from '../../src/address/ipv6.ts'
import { SIT } from '../../src/kind/sit/sit.ts'
import { KINDS } from '../../src/offered-kinds.ts'
import { KIND_NAMES } from '../../src/shared/kind-name.ts'
import { problem } from '../../src/shared/problem.ts'
import type { Interfaces } from '../../src/tunnel/interface.ts'
import { Kinds, type TunnelKind } from '../../src/tunnel/kind.ts'
import type { KindFields, Tunnel } from '../../src/tunnel/tunnel.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { FakeKernel, registerOne, World } from './world.ts'

interface NullFields extends KindFields {
  readonly note: string
}

/** A tunnel through no kernel: nothing is made, moved or removed. */
const NO_INTERFACES: Interfaces = {
  kind: 'null',
  prepare: async () => [],
  create: async () => [],
  changeRemote: async () => [],
  remove: async () => [],
  reconcile: async () => ({ made: [], removed: [], faults: [] }),
}

/** A kind that needs no endpoint, keeps a note, and says it in a TXT beside its AAAA. */
const NULL_KIND: TunnelKind = {
  name: 'null',
  scripts: 'null',
  hasEndpoint: false,
  readFields: details => {
    const note =
      typeof details === 'object' && details !== null && 'note' in details ? details.note : undefined
    return typeof note === 'string' ? nullFields(note) : undefined
  },
  admit: fields => (noteOf(fields) === '' ? [problem('kind-unknown', { known: 'null' })] : []),
  largestMtu: ({ mtu }) => mtu,
  rrsetsOf: ({ kind }, { forward, ttl }) => {
    const note = Buffer.from(noteOf(kind))
    return [
      { owner: forward, type: TYPE.TXT, ttl, rdatas: [Buffer.concat([Uint8Array.of(note.length), note])] },
    ]
  },
  openDriver: async () => NO_INTERFACES,
}

function nullFields(note: string): NullFields {
  return { name: 'null', note }
}

function noteOf(fields: KindFields): string {
  return 'note' in fields ? String(fields.note) : ''
}

function open(kernel: FakeKernel): Promise<World> {
  return World.open({ kernel, kinds: new Kinds({ ...SIT, openDriver: async () => kernel }, NULL_KIND) })
}

const INPUT = { ipv4: '', nicname: 'nobody', country: 'ca', os: 'linux', kind: 'null' }

async function registered(world: World): Promise<Tunnel> {
  const verdict = await world.broker.admission.check({ ...INPUT, details: { note: 'hello' } })
  assert.ok(verdict.kind === 'admitted', JSON.stringify(verdict))
  const registration = await world.lifecycle.register(verdict.request)
  assert.ok(registration.kind === 'registered')
  return registration.tunnel
}

function answeredTypes(world: World, tunnel: Tunnel): readonly number[] {
  const { names } = world.zone
  const owners = [names.ownerOf(tunnel.nicname, tunnel.country), names.reverseOwnerOf(tunnel.ipv6Client)]
  const types = [TYPE.AAAA, TYPE.TXT, TYPE.PTR]
  return owners.flatMap(owner => types.filter(type => world.catalog.rrset(owner, type) !== undefined))
}

test('each kind that the configuration knows by its name is there, and no other: it would be offered to nobody', () => {
  assert.deepEqual(
    KINDS.all.map(({ name }) => name),
    KIND_NAMES,
  )
})

test('a second kind lives outside the program: registered, published with three rrsets, probed, counted, removed', async () => {
  const kernel = new FakeKernel()
  let world = await open(kernel)
  try {
    const tunnel = await registered(world)
    assert.equal(kernel.links.size, 0, 'the other kind’s driver was not asked')
    assert.deepEqual(answeredTypes(world, tunnel), [TYPE.AAAA, TYPE.TXT, TYPE.PTR])
    assert.deepEqual(await world.audit.run(), { tunnels: 1, differences: 0 })

    world = await world.restart()
    assert.deepEqual(world.table.byId(tunnel.id)?.kind, nullFields('hello'))
    assert.equal(world.table.byId(tunnel.id)?.ipv4Client, undefined)
    assert.deepEqual(answeredTypes(world, tunnel), [TYPE.AAAA, TYPE.TXT, TYPE.PTR])

    assert.deepEqual(await world.lifecycle.probeTargets(), [
      { id: tunnel.id, ipv6Client: formatIpv6(tunnel.ipv6Client), answeredLast: false },
    ])
    await world.lifecycle.recordRound({ answered: [tunnel.id], silent: [] })
    const silent = { answered: [], silent: [tunnel.id] }
    await world.lifecycle.recordRound(silent)
    assert.equal(world.table.byId(tunnel.id)?.unreachable, 1)
    await world.lifecycle.recordRound(silent)
    assert.deepEqual(await world.lifecycle.recordRound(silent), { removed: 1 })
    assert.deepEqual(answeredTypes(world, tunnel), [])
    assert.deepEqual(await world.audit.run(), { tunnels: 0, differences: 0 })
  } finally {
    world.end()
  }
})

test('two kinds live side by side, each with its driver; the audit counts what each publishes', async () => {
  const kernel = new FakeKernel()
  const world = await open(kernel)
  try {
    await registered(world)
    const request = { ipv4: '198.51.100.7', nicname: 'host7', country: 'ca', os: 'linux' }
    const sit = await registerOne(world.lifecycle, request)
    assert.ok(sit.kind === 'registered')
    await world.lifecycle.bringUpNew()
    assert.deepEqual([...kernel.links.keys()], [sit.tunnel.device])
    assert.deepEqual(await world.audit.run(), { tunnels: 2, differences: 0 })
    world.edit("DELETE FROM tunnels WHERE kind = 'null'")
    assert.deepEqual(await world.audit.run(), { tunnels: 1, differences: 3 })
    assert.deepEqual(await world.audit.run(), { tunnels: 1, differences: 0 })
    assert.deepEqual(answeredTypes(world, sit.tunnel), [TYPE.AAAA, TYPE.PTR])
  } finally {
    world.end()
  }
})

test('a kind’s own checks and an unknown kind are problems of a registration', async () => {
  const world = await open(new FakeKernel())
  try {
    for (const input of [
      { ...INPUT, kind: 'gre' },
      { ...INPUT, details: { note: '' } },
      { ...INPUT, details: {} },
    ]) {
      const verdict = await world.broker.admission.check(input)
      assert.ok(verdict.kind === 'refused')
      assert.deepEqual(
        verdict.problems.map(({ code }) => code),
        ['kind-unknown'],
      )
    }
  } finally {
    world.end()
  }
})
