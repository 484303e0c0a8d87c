import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Prober } from '../../src/echo/prober.ts'
import { SIT } from '../../src/kind/sit/sit.ts'
import { Admission } from '../../src/registration/admission.ts'
import { Customers } from '../../src/registration/customers.ts'
import { EntryRules } from '../../src/registration/entry-rules.ts'
import { Kinds } from '../../src/tunnel/kind.ts'
import { SILENT, World } from '../lifecycle/world.ts'

const AT_A_TIME = 8
/** A ninth that is asked too waits for its answer, and fails the test with it. */
const PATIENCE_MS = 10_000
const ALICE = { address: '8.8.4.4' }

test('a visitor who has eight endpoints pinged is refused a ninth, which nobody asks, until one has answered', async () => {
  const world = await World.open()
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>()
  const asked: string[] = []
  const prober: Prober = {
    kind: 'ping',
    probe: async targets => {
      asked.push(...targets)
      await answered
      return new Map(targets.map(target => [target, { kind: 'answered', rttMs: 1 }]))
    },
  }
  const entry = new EntryRules(
    { invitations: 'off', blockedPrefixes: [], blockedNicnames: [] },
    { invitations: world.broker.store.invitations, now: () => 0 },
  )
  const admission = new Admission({
    policy: {
      serverIpv4: '9.9.9.9',
      foreignEndpoints: true,
      allowSpecialPurpose: false,
      reachability: 'require',
      timeoutMs: 1000,
      customers: new Customers([]),
      offered: ['sit'],
      offersRouted: false,
      serverPublicKey: '',
      mtuOf: () => 1480,
      osIds: () => ['linux'],
    },
    kinds: new Kinds(SIT),
    table: world.table,
    zone: world.zone,
    prober,
    entry,
    log: SILENT,
  })
  const check = (n: number, visitor = ALICE) =>
    admission.check({ ipv4: `8.8.8.${n}`, nicname: `n${n}`, country: 'ca', os: 'linux' }, visitor)
  const patience = setTimeout(answer, PATIENCE_MS)
  try {
    const checks = Array.from({ length: AT_A_TIME }, (_, n) => check(n + 1))
    const ninth = await check(100)
    assert.deepEqual(ninth.kind === 'refused' && ninth.problems.map(({ code, params }) => [code, params]), [
      ['too-many-requests', { case: 'probes', seconds: 10 }],
    ])
    checks.push(check(101, { address: '8.8.4.5' }))
    answer()
    for (const verdict of await Promise.all(checks)) assert.equal(verdict.kind, 'admitted')
    assert.equal((await check(100)).kind, 'admitted')
    assert.equal(asked.filter(target => target === '8.8.8.100').length, 1)
  } finally {
    clearTimeout(patience)
    world.end()
  }
})
