import assert from 'node:assert/strict'
import { request } from 'node:http'
import type { LookupFunction } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, suite, test } from 'node:test'
import { curlLines, ddclientLines, inadynLines } from '../../src/portal/update-lines.ts'
import { type Answer, type Ask, cookieIn, type Given, LAB, PortalWorld } from './portal-world.ts'

const PUBLIC = 'broker.example.net'
const OVER_IPV4 = 'ipv4.broker.example.net'
const OF_LINES = { id: 'a1b2c3d4e5f6', name: 'nic.ca.freenet6.net', hasShellScript: false }
/** What the DNS says of the two names, on a machine whose only interface is loopback. */
const ADDRESSES: Readonly<Record<string, readonly { address: string; family: 4 | 6 }[]>> = {
  [PUBLIC]: [
    { address: '::1', family: 6 },
    { address: '127.0.0.1', family: 4 },
  ],
  [OVER_IPV4]: [{ address: '127.0.0.1', family: 4 }],
}
/** A broker that listens on both families and has a name for each purpose. */
const BOTH = LAB.replace(
  '[web]',
  `[web]\nlisten = "[::]:0"\npublic_url = "https://${PUBLIC}"\nipv4_url = "https://${OVER_IPV4}"`,
)

const lookup: LookupFunction = (name, options, done) => {
  const found = ADDRESSES[name] ?? assert.fail(name)
  if (options.all === true) done(null, [...found])
  else done(null, found[0]?.address ?? '', found[0]?.family)
}

suite('a name that leads here over IPv4 alone', () => {
  let world: PortalWorld
  before(async () => {
    world = await PortalWorld.open(BOTH)
  })
  after(() => world[Symbol.asyncDispose]())

  /** Asks as a dual-stack host does, which takes the first address that it is told. */
  function visit(
    host: string,
    path: string,
    { method = 'GET', headers = {}, body }: Ask = {},
  ): Promise<Answer> {
    const { port } = new URL(world.url)
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    request(`http://${host}:${port}${path}`, { method, headers, lookup, agent: false }, reply => {
      text(reply).then(
        whole => resolve({ status: reply.statusCode ?? 0, headers: reply.headers, text: whole }),
        reject,
      )
    })
      .once('error', reject)
      .end(body)
    return promise
  }

  /** The tunnel's page as its owner sees it. */
  async function pageOf({ id, name, key }: Given): Promise<string> {
    const signedIn = await visit(PUBLIC, '/tunnels', {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'sec-fetch-site': 'same-origin',
      },
      body: new URLSearchParams({ reference: name, key }).toString(),
    })
    const page = await visit(PUBLIC, `/tunnels/${id}`, { headers: cookieIn(signedIn) })
    assert.equal(page.status, 200)
    return page.text
  }

  async function register(nicname: string, ipv4: string): Promise<Given> {
    const answer = await visit(PUBLIC, '/api/v1/tunnels', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ipv4, nicname, country: 'ca', os: 'pfsense' }),
    })
    assert.equal(answer.status, 201, answer.text)
    return JSON.parse(answer.text) as Given
  }

  test('shows a host of both families its IPv4 address, and the public name shows its IPv6 one', async () => {
    assert.equal((await visit(PUBLIC, '/ip')).text, '::1\n')
    const { status, text } = await visit(OVER_IPV4, '/ip')
    assert.deepEqual([status, text], [200, '127.0.0.1\n'])
  })

  test('moves a tunnel to the IPv4 address of such a host, whatever the client is called or joins', async () => {
    const { id, key } = await register('mover', '192.0.2.78')
    const query = `?hostname=${id}&username=${id}&password=${key}`
    assert.match((await visit(PUBLIC, `/nic/update${query}`)).text, /^dnserr ipv4-syntax/)
    assert.equal((await visit(OVER_IPV4, `/nic/update${query}`)).text, 'good 127.0.0.1\n')
    assert.equal((await visit(OVER_IPV4, `//nic/update/${query}`)).text, 'nochg 127.0.0.1\n')
  })

  test('sends who looks for a page to the public URL, and nowhere else', async () => {
    for (const [path, location] of [
      ['/', `https://${PUBLIC}/`],
      ['/register/linux?lang=fr', `https://${PUBLIC}/register/linux?lang=fr`],
      ['//evil.example/x', `https://${PUBLIC}//evil.example/x`],
      ['/nowhere', `https://${PUBLIC}/nowhere`],
    ] as const)
      for (const method of ['GET', 'HEAD']) {
        const { status, headers } = await visit(OVER_IPV4, path, { method })
        assert.deepEqual([status, headers.location, headers['set-cookie']], [307, location, undefined])
      }
  })

  test('takes no registration and no form: they are for the public URL', async () => {
    for (const path of ['/api/v1/tunnels', '/register', '/tunnels', '/ip']) {
      const answer = await visit(OVER_IPV4, path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      })
      assert.equal(answer.status, path === '/ip' ? 405 : 421, path)
    }
  })

  test('stands in all lines of the page, and in the notes for a router; the page stays where it was', async () => {
    const given = await register('liner', '192.0.2.79')
    const page = await pageOf(given)
    for (const line of [
      `use=web, web=https://${OVER_IPV4}/ip`,
      `server=${OVER_IPV4}`,
      `checkip-server = ${OVER_IPV4}`,
      `ddns-server = ${OVER_IPV4}`,
      `url = &quot;https://${OVER_IPV4}/nic/update?`,
      `<code>https://${OVER_IPV4}/nic/update</code>`,
      `Update URL https://${OVER_IPV4}/nic/update?`,
    ])
      assert.ok(page.replaceAll('&#x3D;', '=').includes(line), line)
    assert.equal(given.links.page, `https://${PUBLIC}/tunnels/${given.id}`)
  })

  test('is named to a visitor over IPv6, who can open it in the browser', async () => {
    const form = await visit(PUBLIC, '/register/linux?kind=sit')
    assert.match(form.text, /You came here over IPv6 \(::1\)/)
    assert.ok(form.text.replaceAll('&#x3D;', '=').includes(`href="https://${OVER_IPV4}/ip"`))
    assert.doesNotMatch(form.text, /curl -4/)
  })
})

test('without such a name the lines name the public URL, the form says curl -4, and another host is misdirected', async () => {
  await using world = await PortalWorld.open(
    LAB.replace('[web]', `[web]\npublic_url = "https://${PUBLIC}"\ntrusted_proxies = ["127.0.0.1"]`),
  )
  assert.equal((await world.ask('/ip', { headers: { host: OVER_IPV4 } })).status, 421)
  const form = await world.ask('/register/linux?kind=sit', { headers: { 'x-forwarded-for': '2001:db8::77' } })
  assert.match(form.text, new RegExp(`curl -4 https://${PUBLIC}/ip shows`))
})

test('the lines are these', () => {
  assert.equal(
    ddclientLines({ ...OF_LINES, url: 'https://ipv4.broker.example.net' }),
    `ssl=yes
use=web, web=https://ipv4.broker.example.net/ip
protocol=dyndns2
server=ipv4.broker.example.net
script=/nic/update
login=a1b2c3d4e5f6
password='YOUR KEY'
nic.ca.freenet6.net`,
  )
  assert.equal(
    inadynLines({ ...OF_LINES, url: 'http://ipv4.broker.example.net:8080' }),
    `custom freenet6 {
  ssl = false
  checkip-ssl = false
  checkip-server = ipv4.broker.example.net:8080
  checkip-path = /ip
  ddns-server = ipv4.broker.example.net:8080
  ddns-path = "/nic/update?hostname=%h&myip=%i"
  username = a1b2c3d4e5f6
  password = "YOUR KEY"
  hostname = nic.ca.freenet6.net
}`,
  )
  assert.equal(
    curlLines({ ...OF_LINES, url: 'https://ipv4.broker.example.net' }),
    `user = "a1b2c3d4e5f6:YOUR KEY"
url = "https://ipv4.broker.example.net/nic/update?hostname=nic.ca.freenet6.net"`,
  )
})
