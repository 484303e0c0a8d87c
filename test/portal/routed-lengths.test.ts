import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { formatName } from '../../src/wire/name.ts'
import { missingPackages } from '../packages.ts'
import { newPublicKey } from '../public-key.ts'
import { bearer, cookieIn, LAB, PortalWorld, problemIn } from './portal-world.ts'

const TUNNELS = '/api/v1/tunnels'

interface Pool {
  readonly pool: string
  readonly length: number
  /** What the first tunnels are given; then there is no more, where the pool is so small. */
  readonly given: readonly [first: string, second?: string]
  readonly apexes: readonly string[]
}

const POOLS: readonly Pool[] = [
  {
    pool: '2001:db8:8000::/47',
    length: 48,
    given: ['2001:db8:8000::/48', '2001:db8:8001::/48'],
    apexes: ['0.0.0.8.8.b.d.0.1.0.0.2.ip6.arpa', '1.0.0.8.8.b.d.0.1.0.0.2.ip6.arpa'],
  },
  {
    pool: '2001:db8:8000::/48',
    length: 48,
    given: ['2001:db8:8000::/48'],
    apexes: ['0.0.0.8.8.b.d.0.1.0.0.2.ip6.arpa'],
  },
  {
    pool: '2001:db8:8000::/48',
    length: 52,
    given: ['2001:db8:8000::/52', '2001:db8:8000:1000::/52'],
    apexes: ['0.0.0.8.8.b.d.0.1.0.0.2.ip6.arpa'],
  },
  {
    pool: '2001:db8:8000:ab00::/56',
    length: 60,
    given: ['2001:db8:8000:ab00::/60', '2001:db8:8000:ab10::/60'],
    apexes: ['b.a.0.0.0.8.8.b.d.0.1.0.0.2.ip6.arpa'],
  },
  {
    pool: '2001:db8:8000:ab00::/56',
    length: 64,
    given: ['2001:db8:8000:ab00::/64', '2001:db8:8000:ab01::/64'],
    apexes: ['b.a.0.0.0.8.8.b.d.0.1.0.0.2.ip6.arpa'],
  },
  {
    pool: '2001:db8:8000:ab40::/59',
    length: 63,
    given: ['2001:db8:8000:ab40::/63', '2001:db8:8000:ab42::/63'],
    apexes: ['4.b.a.0.0.0.8.8.b.d.0.1.0.0.2.ip6.arpa', '5.b.a.0.0.0.8.8.b.d.0.1.0.0.2.ip6.arpa'],
  },
  {
    pool: '2001:db8:8000:abcd::/64',
    length: 64,
    given: ['2001:db8:8000:abcd::/64'],
    apexes: ['d.c.b.a.0.0.0.8.8.b.d.0.1.0.0.2.ip6.arpa'],
  },
]

for (const {
  pool,
  length,
  given: [first, second],
  apexes,
} of POOLS)
  suite(`a /${length} of ${pool} for each tunnel`, () => {
    let world: PortalWorld
    let number = 10

    before(async () => {
      world = await PortalWorld.open(
        LAB.replace('[tunnel]', `[tunnel]\nrouted_prefix = "${pool}"\nrouted_length = ${length}`),
      )
    })
    after(() => world[Symbol.asyncDispose]())

    async function register(of: object) {
      number++
      const body = { nicname: `host${number}`, country: 'ca', os: 'openwrt', ...of }
      return world.askJson(TUNNELS, 'POST', body)
    }

    test('is what API, page, script and router are told of, of both kinds, at a registration and later', async () => {
      const sit = JSON.parse((await register({ ipv4: '192.0.2.11', routed_prefix: true })).text)
      assert.equal(sit.routed_prefix, first)
      const later = JSON.parse((await register({ kind: 'wireguard', public_key: newPublicKey() })).text)
      const change = (wish: boolean) =>
        world.askJson(`${TUNNELS}/${later.id}`, 'PATCH', { routed_prefix: wish }, bearer(later.key))
      if (second === undefined) {
        assert.equal(problemIn(await change(true)).code, 'routed-prefixes-full')
        const gone = await world.askJson(
          `${TUNNELS}/${sit.id}`,
          'PATCH',
          { routed_prefix: false },
          bearer(sit.key),
        )
        assert.equal(gone.status, 200)
        assert.equal(problemIn(await change(true)).code, 'routed-prefixes-full', 'it rests')
        assert.equal((await register({ ipv4: '192.0.2.12' })).status, 201)
        return
      }
      assert.equal(JSON.parse((await change(true)).text).routed_prefix, second)
      for (const [tunnel, prefix] of [
        [sit, first],
        [later, second],
      ] as const) {
        const cookie = cookieIn(await world.post('/tunnels', { reference: tunnel.name, key: tunnel.key }))
        const page = await world.ask(`/tunnels/${tunnel.id}`, { headers: cookie })
        assert.ok(page.text.includes(`<code>${prefix}</code> is routed to`))
        const router = (await world.ask(`${TUNNELS}/${tunnel.id}/router`)).text
        assert.ok(router.includes(`unreachable ${prefix}`))
        assert.ok(router.includes(`prefix ${prefix.replace(/\/\d+$/, '/64')} {`), router)
        const script = await world.ask(`${TUNNELS}/${tunnel.id}/script?os=openwrt`)
        assert.ok(script.text.includes(`ip6prefix=${prefix}`))
      }
    })

    test('its reverse zone is served, each zone of it', () => {
      const own = new Set(['freenet6.net', '6.f.0.0.8.b.d.0.1.0.0.2.ip6.arpa'])
      const served = [...world.broker.catalog.apexes()].map(name => formatName(name).replace(/\.$/, ''))
      assert.deepEqual(served.filter(apex => !own.has(apex)).sort(), apexes)
    })
  })

suite('what a router is told', { skip: await missingPackages(['radvd', 'dnsmasq']) }, () => {
  let world: PortalWorld
  let lines: readonly string[]
  let directory: string

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'freenet6-router-'))
    world = await PortalWorld.open(
      LAB.replace('[tunnel]', '[tunnel]\nrouted_prefix = "2001:db8:8000::/48"\nrouted_length = 60'),
    )
    const body = { ipv4: '192.0.2.11', nicname: 'home', country: 'ca', os: 'linux', routed_prefix: true }
    const { id } = JSON.parse((await world.askJson(TUNNELS, 'POST', body)).text)
    lines = (await world.ask(`${TUNNELS}/${id}/router`)).text.split('\n')
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
    rmSync(directory, { recursive: true, force: true })
  })

  function file(name: string, start: RegExp): string {
    const line = lines.find(text => start.test(text)) ?? assert.fail(lines.join('\n'))
    const path = join(directory, name)
    writeFileSync(path, `${line.replace(start, '').replaceAll(', and ', '\n')}\n`)
    return path
  }

  test('is taken by radvd', () => {
    const path = file('radvd.conf', /^.*radvd, in \/etc\/radvd\.conf: /)
    const { status, stderr } = spawnSync('/usr/sbin/radvd', ['-c', '-C', path], { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
  })

  test('is taken by dnsmasq', () => {
    const path = file('dnsmasq.conf', /^.*Or dnsmasq: /)
    const { status, stderr } = spawnSync('/usr/sbin/dnsmasq', ['--test', '-C', path], { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
  })
})
