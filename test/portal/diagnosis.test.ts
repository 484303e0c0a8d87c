import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatIpv6 } from '../../src/address/ipv6.ts'
import { FINDINGS } from '../../src/observation/diagnosis.ts'
import { unwokenWords } from '../../src/portal/stage-words.ts'
import { findingText } from '../../src/words/finding-words.ts'
import { Words } from '../../src/words/words.ts'
import { FakeKernel } from '../lifecycle/world.ts'
import { newPublicKey } from '../public-key.ts'
import { bearer, cookieIn, LAB, PortalWorld, problemIn } from './portal-world.ts'

/** A portal whose tunnels have interfaces, and one tunnel whose client answers. */
async function withTunnel(system = 'linux') {
  const world = await PortalWorld.open(LAB, { kernel: new FakeKernel() })
  const { id, key } = await world.register({ os: system })
  const tunnel = world.broker.table.byId(id) ?? assert.fail('registered')
  const headers = cookieIn(await world.post('/tunnels', { reference: id, key }))
  return { world, id, key, headers, client: formatIpv6(tunnel.ipv6Client) }
}

test('the page says that the tunnel works, and what was asked', async () => {
  const { world, id, headers } = await withTunnel()
  await using _ = world
  const { text } = await world.ask(`/tunnels/${id}/why`, { headers })
  assert.match(text, /<strong>It works<\/strong>/)
  assert.match(text, /Packets of 1480 octets through it: answered/)
})

test('the page says why a tunnel is dead, and what to do on the system that it is for', async () => {
  for (const [system, words] of [
    ['linux', /On Linux[\s\S]*router must forward IP protocol 41[\s\S]*ip addr show freenet6/],
    ['windows', /On Windows[\s\S]*netsh interface ipv6 show interface freenet6/],
    ['cisco-ios', /On Cisco IOS and IOS XE[\s\S]*permit 41 host 192\.0\.2\.1 any/],
  ] as const) {
    const { world, id, headers, client } = await withTunnel(system)
    await using _ = world
    await world.broker.lifecycle.recordRound({ answered: [id], silent: [] })
    world.silent.add(client)
    const { text } = await world.ask(`/tunnels/${id}/why`, { headers })
    assert.match(text, /Your IPv4 address answers ping, the tunnel does not/)
    assert.match(text, words)
  }
})

test('the page says in French what to do, where there is French', async () => {
  const { world, id, headers, client } = await withTunnel('cisco-ios')
  await using _ = world
  await world.broker.lifecycle.recordRound({ answered: [id], silent: [] })
  world.silent.add(client)
  const { text } = await world.ask(`/tunnels/${id}/why?lang=fr`, { headers })
  assert.match(
    text,
    /<ul class="notes" lang="fr">[\s\S]*protocole IP 41[\s\S]*show interface Tunnel0[\s\S]*Pare-feu/,
  )
  assert.doesNotMatch(text, /Firewall/)
})

test('the API says the same, with a code that does not change', async () => {
  const { world, id, key, client } = await withTunnel()
  await using _ = world
  world.silent.add(client)
  const answer = await world.ask(`/api/v1/tunnels/${id}/diagnosis`, { headers: bearer(key) })
  assert.equal(answer.status, 200)
  const { detail, ...rest } = JSON.parse(answer.text) as { readonly detail: string }
  const seen = { tunnel: 'silent', large: 'not-asked', endpoint: 'answered' }
  assert.deepEqual(rest, { finding: 'never-heard', seen })
  assert.match(detail, /^We have never heard your end: no packet/)
})

test('an owner of WireGuard is sent to look for a handshake and a key, and not for protocol 41 or an IPv4 address', async () => {
  await using world = await PortalWorld.open()
  const body = {
    kind: 'wireguard',
    public_key: newPublicKey(),
    nicname: 'roamer',
    country: 'ca',
    os: 'linux',
  }
  const { id } = JSON.parse((await world.askJson('/api/v1/tunnels', 'POST', body)).text)
  for (let round = 0; round < 6; round++)
    await world.broker.lifecycle.recordRound({ answered: [], silent: [id] })
  const tunnel = world.broker.table.dormant.byId(id) ?? assert.fail('asleep')
  for (const language of Words.load().all) {
    const detailOf = (finding: 'dormant' | 'never-heard') =>
      findingText(finding, { isWireguard: true, language })
    assert.match(detailOf('never-heard'), /wg show/)
    assert.doesNotMatch(detailOf('never-heard'), /41/)
    assert.doesNotMatch(`${detailOf('dormant')} ${unwokenWords(tunnel, 1, language)}`, /IPv4/)
    const words = FINDINGS.map(finding => findingText(finding, { isWireguard: true, language }))
    assert.equal(new Set(words).size, FINDINGS.length)
  }
})

test('a diagnosis is for who has the key, or is signed in', async () => {
  const { world, id } = await withTunnel()
  await using _ = world
  assert.equal(problemIn(await world.ask(`/api/v1/tunnels/${id}/diagnosis`)).code, 'unauthorized')
  assert.equal((await world.ask(`/tunnels/${id}/why`)).status, 401)
})

test('every finding has its own words and its own remedy, in every language', () => {
  for (const language of Words.load().all) {
    const words = FINDINGS.map(finding => language.sentence(`why-${finding}`))
    const remedies = FINDINGS.map(finding => language.sentence(`why-${finding}-remedy`))
    assert.equal(new Set([...words, ...remedies]).size, 2 * FINDINGS.length)
  }
})
