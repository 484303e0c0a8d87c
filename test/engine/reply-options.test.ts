import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Nameserver } from '../../src/engine/nameserver.ts'
import { askAs, OPTION, option, secretsOf, serveOptions, toldOption } from './edns-options.ts'
import { catalogOf, wire } from './zones.ts'

/** Names whose answers grow by an octet from one to the next, past the room there is. */
const LENGTHS = Array.from({ length: 60 }, (_, i) => i + 1)
const ZONE = `example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
${LENGTHS.map(length => `l${length}.example. 300 IN TXT ${`"${'x'.repeat(200)}" `.repeat(2)} "${'y'.repeat(length)}"`).join('\n')}`
const LONG_NSID = 'n'.repeat(255)
const COOKIE = option(OPTION.COOKIE, '2464c4abcf10c957')
const TELLING = [option(OPTION.EXPIRE), option(OPTION.ZONEVERSION)]
const nameserver = serveOptions([ZONE])

test('to ask about the zone never changes the answer, and fits or is left out', () => {
  let told = 0
  for (const length of LENGTHS) {
    const question = [`l${length}.example.`, 'TXT'] as const
    const plain = askAs(nameserver, question, [COOKIE], { edns: 512 })
    const asked = askAs(nameserver, question, [COOKIE, ...TELLING], { edns: 512 })
    assert.deepEqual([asked.answer, asked.tc], [plain.answer, plain.tc])
    assert.ok(asked.octets.length <= 512)
    const isTold = toldOption(asked, OPTION.ZONEVERSION) !== undefined
    assert.equal(isTold, plain.octets.length + 10 <= 512, `${plain.octets.length} octets`)
    if (isTold) told++
  }
  assert.ok(told > 0 && told < LENGTHS.length)
})

test('a cookie has its room before any record has', () => {
  for (const length of LENGTHS) {
    const told = askAs(nameserver, [`l${length}.example.`, 'TXT'], [COOKIE], { edns: 512 })
    assert.equal(toldOption(told, OPTION.COOKIE)?.length, 48)
    assert.ok(told.octets.length <= 512)
  }
})

test('an NSID that fits has its room before any record has, to the last octet', () => {
  const nsid = 'n'.repeat(40)
  const server = new Nameserver({ catalog: catalogOf(ZONE), nsid, version: '', hostname: '' })
  for (const length of LENGTHS) {
    const question = [`l${length}.example.`, 'TXT'] as const
    const plain = askAs(server, question, [], { edns: 512 })
    const told = askAs(server, question, [option(OPTION.NSID)], { edns: 512 })
    assert.equal(toldOption(told, OPTION.NSID)?.length, 80)
    assert.ok(told.octets.length <= 512)
    assert.equal(told.tc, plain.tc || plain.octets.length + 44 > 512, `${plain.octets.length} octets`)
  }
})

test('over TCP the time-out has its room before any record has', () => {
  const catalog = catalogOf(ZONE)
  const server = new Nameserver({ catalog, nsid: '', version: '', hostname: '', tcpIdleMs: 10_000 })
  for (let length = 65_460; length <= 65_500; length++) {
    const rdatas = [new Uint8Array(length)]
    catalog.commit([{ kind: 'put', rrset: { owner: wire('long.example.'), type: 65_280, ttl: 1, rdatas } }])
    const told = askAs(server, ['long.example.', 'TYPE65280'], [option(OPTION.KEEPALIVE)], {
      transport: 'tcp',
    })
    assert.ok(told.octets.length <= 65_535)
    assert.equal(toldOption(told, OPTION.KEEPALIVE), '0064', `${length} octets`)
  }
})

test('an NSID that is too long for the reply yields to the cookie', () => {
  const server = new Nameserver({
    catalog: catalogOf(ZONE),
    nsid: LONG_NSID,
    version: '',
    hostname: '',
    cookieSecrets: secretsOf('00'.repeat(16)).buffer,
  })
  const label = 'a'.repeat(63)
  for (const [name, hasNsid] of [
    ['example.', true],
    [`${label}.${label}.${label}.example.`, false],
  ] as const) {
    const told = askAs(server, [name, 'A'], [option(OPTION.NSID), COOKIE, ...TELLING], { edns: 512 })
    assert.ok(told.octets.length <= 512)
    assert.equal(toldOption(told, OPTION.NSID) !== undefined, hasNsid)
    assert.equal(toldOption(told, OPTION.COOKIE)?.length, 48)
  }
})

test('EXPIRE fits or is left out', () => {
  const labels = (octet: string, last: number) =>
    [...Array.from({ length: 3 }, () => octet.repeat(60)), octet.repeat(last)].join('.')
  const told = new Set<boolean>()
  for (const last of LENGTHS.slice(19, 40)) {
    const server = serveOptions([`z. 300 IN SOA ${labels('m', 40)}. ${labels('h', last)}. 1 2 3 4 60`])
    const plain = askAs(server, ['z.', 'SOA'], [], { edns: 512 })
    const asked = askAs(server, ['z.', 'SOA'], [option(OPTION.EXPIRE)], { edns: 512 })
    assert.deepEqual([asked.answer.length, asked.tc], [1, false])
    assert.ok(asked.octets.length <= 512)
    const isTold = toldOption(asked, OPTION.EXPIRE) !== undefined
    assert.equal(isTold, plain.octets.length + 8 <= 512, `${plain.octets.length} octets`)
    told.add(isTold)
  }
  assert.equal(told.size, 2)
})

test('an extended error fits or is left out', () => {
  const label = 'a'.repeat(63)
  const told = new Set<boolean>()
  for (let nsid = 200; nsid <= 255; nsid++) {
    const texts = { nsid: 'n'.repeat(nsid), version: '', hostname: '' }
    const server = new Nameserver({ catalog: catalogOf(ZONE), ...texts })
    const name = `${label}.${label}.${label}.${'a'.repeat(61)}.`
    const refused = askAs(server, [name, 'A'], [option(OPTION.NSID)], { edns: 512 })
    const hasNsid = toldOption(refused, OPTION.NSID) !== undefined
    const plain = 12 + name.length + 1 + 4 + 11 + (hasNsid ? 4 + nsid : 0)
    assert.equal(refused.octets.length, plain + 6 <= 512 ? plain + 6 : plain)
    told.add(toldOption(refused, OPTION.EDE) !== undefined)
  }
  assert.equal(told.size, 2)
})

test('an extended error and what is told of the zone stand side by side', () => {
  const options = [option(OPTION.NSID), COOKIE, ...TELLING]
  const told = askAs(nameserver, ['elsewhere.', 'SOA'], options)
  assert.deepEqual(
    [...(told.opt?.options.keys() ?? [])].sort(),
    [OPTION.COOKIE, OPTION.EDE, OPTION.NSID].sort(),
  )
  const answer = askAs(nameserver, ['example.', 'SOA'], options)
  assert.equal(answer.opt?.options.size, 4)
})
