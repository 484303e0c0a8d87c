import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { parsePrefix } from '../../src/address/prefix.ts'
import type { Prober } from '../../src/echo/prober.ts'
import { SIT } from '../../src/kind/sit/sit.ts'
import { Admission, type AdmissionPolicy, type RegistrationInput } from '../../src/registration/admission.ts'
import { Customers } from '../../src/registration/customers.ts'
import { type Entry, EntryRules } from '../../src/registration/entry-rules.ts'
import type { Visitor } from '../../src/registration/visitor.ts'
import { Kinds } from '../../src/tunnel/kind.ts'
import { registerOne, SILENT, World } from '../lifecycle/world.ts'

let world: World
const VISITOR: Visitor = { address: '8.8.4.4' }
const GOOD = { ipv4: '8.8.4.4', nicname: 'alice', country: 'ca', os: 'linux' }
const POLICY: AdmissionPolicy = {
  serverIpv4: '9.9.9.9',
  foreignEndpoints: false,
  allowSpecialPurpose: false,
  reachability: 'off',
  timeoutMs: 1000,
  customers: new Customers([]),
  offered: ['sit'],
  offersRouted: false,
  serverPublicKey: '',
  mtuOf: () => 1480,
  osIds: () => ['linux', 'windows'],
}

beforeEach(async () => {
  world = await World.open({ statics: 'static.ca TXT ""' })
})

afterEach(() => world.end())

const KINDS = new Kinds(SIT)

function entry(rules: Partial<Entry> = {}): EntryRules {
  return new EntryRules(
    { invitations: 'off', blockedPrefixes: [], blockedNicnames: [], ...rules },
    { invitations: world.broker.store.invitations, now: () => 0 },
  )
}

function admission(policy: Partial<AdmissionPolicy> = {}, answering: readonly string[] = []): Admission {
  const prober: Prober = {
    kind: 'ping',
    probe: async targets =>
      new Map(
        targets.map(target => [
          target,
          answering.includes(target) ? { kind: 'answered', rttMs: 1 } : { kind: 'silent' },
        ]),
      ),
  }
  return new Admission({
    policy: { ...POLICY, ...policy },
    kinds: KINDS,
    table: world.table,
    zone: world.zone,
    prober,
    entry: entry(),
    log: SILENT,
  })
}

async function codesOf(
  input: Partial<RegistrationInput>,
  policy: Partial<AdmissionPolicy> = {},
): Promise<readonly string[]> {
  const verdict = await admission(policy).check({ ...GOOD, ...input }, VISITOR)
  return verdict.kind === 'refused'
    ? verdict.problems.map(problem => `${problem.field}: ${problem.code}`)
    : []
}

test('a good registration is admitted, trimmed and folded', async () => {
  const verdict = await admission().check(
    { ipv4: ' 8.8.4.4\n', nicname: ' Alice ', country: 'CA', os: 'linux ' },
    VISITOR,
  )
  assert.deepEqual(verdict, { kind: 'admitted', request: { ...GOOD, kind: { name: 'sit' } }, warnings: [] })
})

const REFUSED: readonly (readonly [input: Partial<RegistrationInput>, code: string])[] = [
  ...['', '256.1.1.1', '010.0.0.1', '127.1', '::1', '1.2.3.4/32', '1.2.3.4 5', '<script>'].map(
    ipv4 => [{ ipv4 }, 'ipv4: ipv4-syntax'] as const,
  ),
  ...['10.0.0.1', '172.16.0.1', '192.168.1.1'].map(ipv4 => [{ ipv4 }, 'ipv4: ipv4-private'] as const),
  [{ ipv4: '100.64.0.1' }, 'ipv4: ipv4-shared'],
  ...[
    '127.0.0.1',
    '169.254.1.1',
    '224.0.0.1',
    '255.255.255.255',
    '0.0.0.0',
    '198.51.100.1',
    '192.88.99.1',
  ].map(ipv4 => [{ ipv4 }, 'ipv4: ipv4-special'] as const),
  [{ ipv4: '9.9.9.9' }, 'ipv4: ipv4-own'],
  [{ ipv4: '8.8.8.8' }, 'ipv4: ipv4-not-yours'],
  ...[
    '',
    'a'.repeat(64),
    'a.b',
    'é',
    '-x',
    'x-',
    'a b',
    'a_b',
    '_x',
    '*',
    '<script>',
    'a\0b',
    'xn--bcher-kva',
    'ab--c',
    '\u212aelvin',
    'ſ',
  ].map(nicname => [{ nicname }, 'nicname: nicname-syntax'] as const),
  ...['www', 'WWW', 'ns0', 'ns9', 'localhost', 'wpad', 'isatap', 'admin', 'Broker', 'mta-sts', 'abuse'].map(
    nicname => [{ nicname }, 'nicname: nicname-reserved'] as const,
  ),
  [{ nicname: 'static' }, 'nicname: nicname-reserved'],
  ...['zz', '', 'canada', 'c', '..', 'uk'].map(country => [{ country }, 'country: country-unknown'] as const),
  ...['plan9', '', 'Linux', '../linux', 'constructor'].map(os => [{ os }, 'os: os-unknown'] as const),
]

for (const [input, code] of REFUSED) {
  test(`${JSON.stringify(input)} is refused: ${code}`, async () =>
    assert.deepEqual(await codesOf(input), [code]))
}

for (const nicname of ['a', '0', 'a'.repeat(63), 'a--b', 'abc--d', '1-2']) {
  test(`nicname ${nicname} is admitted`, async () => assert.deepEqual(await codesOf({ nicname }), []))
}

test('several mistakes come back together', async () => {
  assert.deepEqual(await codesOf({ ipv4: 'x', nicname: '-', country: 'zz', os: 'plan9' }), [
    'ipv4: ipv4-syntax',
    'nicname: nicname-syntax',
    'country: country-unknown',
    'os: os-unknown',
  ])
})

test('an endpoint in use and a name taken are said together', async () => {
  await registerOne(world.lifecycle, { ...GOOD })
  const verdict = await admission().check(GOOD, VISITOR)
  assert.ok(verdict.kind === 'refused')
  assert.deepEqual(
    verdict.problems.map(problem => problem.code),
    ['ipv4-in-use', 'nicname-taken'],
  )
})

test('a tunnel may keep its own endpoint, not take another’s', async () => {
  const [own, other] = [
    await registerOne(world.lifecycle, GOOD),
    await registerOne(world.lifecycle, { ...GOOD, ipv4: '8.8.8.8', nicname: 'bob' }),
  ]
  assert.ok(own.kind === 'registered' && other.kind === 'registered')
  assert.equal((await admission().checkEndpoint('8.8.4.4', VISITOR, own.tunnel.id)).kind, 'admitted')
  const verdict = await admission({ foreignEndpoints: true }).checkEndpoint('8.8.8.8', VISITOR, own.tunnel.id)
  assert.ok(verdict.kind === 'refused' && verdict.problems[0]?.code === 'ipv4-in-use')
})

test('another address than the visitor’s is admitted where the operator allows it, and for the operator', async () => {
  assert.deepEqual(await codesOf({ ipv4: '8.8.8.8' }, { foreignEndpoints: true }), [])
  assert.equal((await admission().check({ ...GOOD, ipv4: '8.8.8.8' })).kind, 'admitted')
})

test('special-purpose addresses are admitted in a laboratory, but never one that is no host', async () => {
  const lab = { allowSpecialPurpose: true, foreignEndpoints: true }
  for (const ipv4 of ['10.0.0.1', '100.64.0.1', '127.0.0.1', '192.0.2.2'])
    assert.deepEqual(await codesOf({ ipv4 }, lab), [])
  for (const ipv4 of ['224.0.0.1', '0.0.0.0', '255.255.255.255']) {
    assert.deepEqual(await codesOf({ ipv4 }, lab), ['ipv4: ipv4-special'])
  }
})

test('an address of one of our interfaces is our own, but in a laboratory', async t => {
  const own = Object.values(networkInterfaces())
    .flat()
    .find(entry => entry?.family === 'IPv4' && !entry.internal)
  if (own === undefined) return t.skip('this machine has no IPv4 address but loopback')
  const codes = await codesOf({ ipv4: own.address }, { foreignEndpoints: true })
  assert.equal(codes.length, 1)
  assert.match(codes[0] ?? '', /ipv4-(?:own|private|shared|special)$/)
  assert.deepEqual(
    await codesOf({ ipv4: own.address }, { allowSpecialPurpose: true, foreignEndpoints: true }),
    [],
  )
})

test('an endpoint that does not answer is refused, or a warning, as the operator wants', async () => {
  const silent = await admission({ reachability: 'require' }).check(GOOD, VISITOR)
  assert.ok(silent.kind === 'refused' && silent.problems[0]?.code === 'ipv4-unreachable')
  const warned = await admission({ reachability: 'warn' }).check(GOOD, VISITOR)
  assert.ok(warned.kind === 'admitted' && warned.warnings[0]?.code === 'ipv4-unreachable')
  const answering = await admission({ reachability: 'require' }, ['8.8.4.4']).check(GOOD, VISITOR)
  assert.deepEqual(answering, { kind: 'admitted', request: { ...GOOD, kind: { name: 'sit' } }, warnings: [] })
})

test('a ping that can not be sent is our trouble, with a code of its own', async () => {
  const prober: Prober = {
    kind: 'ping',
    probe: async ([target = '']) => new Map([[target, { kind: 'unknown', reason: 'ping is not there' }]]),
  }
  const broken = new Admission({
    policy: { ...POLICY, reachability: 'require' },
    kinds: KINDS,
    table: world.table,
    zone: world.zone,
    prober,
    entry: entry(),
    log: SILENT,
  })
  const verdict = await broken.check(GOOD, VISITOR)
  assert.ok(verdict.kind === 'refused' && verdict.problems[0]?.code === 'probe-fault')
})

test('one or two lost echoes do not refuse an endpoint, three do', async () => {
  for (const [lost, kind] of [
    [2, 'admitted'],
    [3, 'refused'],
  ] as const) {
    let sent = 0
    const prober: Prober = {
      kind: 'ping',
      probe: async ([target = '']) =>
        new Map([[target, sent++ < lost ? { kind: 'silent' } : { kind: 'answered', rttMs: 1 }]]),
    }
    const policy: AdmissionPolicy = { ...POLICY, reachability: 'require' }
    const checks = new Admission({
      policy,
      kinds: KINDS,
      table: world.table,
      zone: world.zone,
      prober,
      entry: entry(),
      log: SILENT,
    })
    assert.equal((await checks.check(GOOD, VISITOR)).kind, kind, `${lost} lost`)
  }
})

suite('whom the operator does not let in', () => {
  const PING_NOBODY: Prober = {
    kind: 'ping',
    probe: async targets => assert.fail(`pinged ${targets.join()}`),
  }

  async function refusedFor(
    rules: Partial<Entry>,
    input: Partial<RegistrationInput> = {},
    visitor: { readonly address: string } | undefined = VISITOR,
  ): Promise<readonly string[]> {
    const guarded = new Admission({
      policy: { ...POLICY, reachability: 'require', foreignEndpoints: true },
      kinds: KINDS,
      table: world.table,
      zone: world.zone,
      prober: PING_NOBODY,
      entry: entry(rules),
      log: SILENT,
    })
    const verdict = await guarded.check({ ...GOOD, ...input }, visitor)
    return verdict.kind === 'refused'
      ? verdict.problems.map(({ code, params }) => `${code} ${params.case ?? ''}`.trim())
      : []
  }

  const blocked = (...texts: readonly string[]) => ({
    blockedPrefixes: texts.map(text => parsePrefix(text) ?? assert.fail(text)),
  })

  test('comes from a blocked prefix of either family, or gives an address of one; nobody is pinged for it', async () => {
    assert.deepEqual(await refusedFor(blocked('8.8.4.0/24')), ['address-blocked visitor'])
    const over6 = { address: '2001:db8:1:2::3' }
    assert.deepEqual(await refusedFor(blocked('2001:db8:1::/48'), {}, over6), ['address-blocked visitor'])
    assert.deepEqual(await refusedFor(blocked('9.1.1.0/24'), { ipv4: '9.1.1.1' }), [
      'address-blocked endpoint',
    ])
  })

  test('may not move a tunnel to a blocked address either', async () => {
    const guarded = new Admission({
      policy: { ...POLICY, foreignEndpoints: true },
      kinds: KINDS,
      table: world.table,
      zone: world.zone,
      prober: PING_NOBODY,
      entry: entry(blocked('9.1.1.0/24')),
      log: SILENT,
    })
    const verdict = await guarded.checkEndpoint('9.1.1.1', VISITOR, 'some-id')
    assert.ok(verdict.kind === 'refused' && verdict.problems[0]?.code === 'address-blocked')
  })

  test('wants a blocked nicname, in capitals too', async () => {
    const rules = { ...blocked('9.1.1.1'), blockedNicnames: ['paypal', '*bank*'] }
    for (const nicname of ['paypal', 'PayPal', 'mybank', 'bank', 'a-bank-1'])
      assert.deepEqual(await refusedFor(rules, { nicname, ipv4: '9.1.1.1' }), [
        'address-blocked endpoint',
        'nicname-blocked',
      ])
    assert.deepEqual(await refusedFor(rules, { nicname: 'paypal2', ipv4: '9.1.1.1' }), [
      'address-blocked endpoint',
    ])
  })

  test('is not invited: all that is wrong is told, and nobody is pinged', async () => {
    const rules: Partial<Entry> = { invitations: 'required' }
    assert.deepEqual(await refusedFor(rules), ['invitation-required'])
    assert.deepEqual(await refusedFor(rules, { ipv4: '300.1.1.1', os: 'plan9', invitation: 'x' }), [
      'ipv4-syntax malformed',
      'invitation-unknown unknown',
      'os-unknown unknown',
    ])
  })

  test('the operator registers anybody', async () => {
    const rules: Entry = { ...blocked('8.8.4.4'), blockedNicnames: ['alice'], invitations: 'required' }
    const guarded = new Admission({
      policy: POLICY,
      kinds: KINDS,
      table: world.table,
      zone: world.zone,
      prober: PING_NOBODY,
      entry: entry(rules),
      log: SILENT,
    })
    assert.equal((await guarded.check(GOOD)).kind, 'admitted')
  })
})
