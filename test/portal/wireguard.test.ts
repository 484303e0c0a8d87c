import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { after, before, suite, test } from 'node:test'
import { newPublicKey } from '../public-key.ts'
import { bearer, cookieIn, LAB, PortalWorld, problemIn } from './portal-world.ts'

const TUNNELS = '/api/v1/tunnels'

test('what to do now on a phone is the configuration, before the notes, and no command', async () => {
  await using world = await PortalWorld.open()
  const body = {
    kind: 'wireguard',
    public_key: newPublicKey(),
    nicname: 'pocket',
    country: 'ca',
    os: 'android',
  }
  const { id, key } = JSON.parse((await world.askJson('/api/v1/tunnels', 'POST', body)).text)
  const headers = cookieIn(await world.post('/tunnels', { reference: id, key }))
  const page = async (os: string) => {
    const { text } = await world.ask(`/tunnels/${id}?os=${os}`, { headers })
    assert.equal(text.match(/id="configuration"/g)?.length, 1, os)
    return /id="now-title"[\s\S]*?<\/section>/.exec(text)?.[0] ?? ''
  }
  for (const phone of ['android', 'ios']) {
    assert.match(await page(phone), /id="configuration"/)
    assert.doesNotMatch(await page(phone), /curl|freenet6-up/)
  }
  assert.match(await page('linux'), /curl -o freenet6-up\.sh/)
  assert.doesNotMatch(await page('linux'), /id="configuration"/)
})

suite('WireGuard by the API', () => {
  let world: PortalWorld

  before(async () => {
    world = await PortalWorld.open()
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
  })

  function ask(nicname: string, public_key: unknown, os = 'linux') {
    return world.askJson(TUNNELS, 'POST', { kind: 'wireguard', public_key, nicname, country: 'ca', os })
  }

  test('the form asks for nothing that only another kind of tunnel needs', async () => {
    for (const { id, files } of world.broker.systems.all) {
      if (!files.has('wireguard')) continue
      const { text } = await world.ask(`/register/${id}?kind=wireguard`)
      assert.match(text, /WireGuard public key/)
      const before = /id="needs-title"[\s\S]*?<\/section>/.exec(text)?.[0] ?? assert.fail(id)
      assert.match(before, /WireGuard|wireguard/, id)
      assert.doesNotMatch(before, /\bsit\b|\bgif\b|protocol 41|6in4/i, id)
    }
  })

  test('the hint how to make a key fits the system, and names no command where there is none', async () => {
    const hint = async (os: string) => {
      const { text } = await world.ask(`/register/${os}?kind=wireguard`)
      return /id="public_key-hint">([\s\S]*?)<\/p>/.exec(text)?.[1] ?? assert.fail(os)
    }
    assert.match(
      await hint('linux'),
      /mkdir -p \/etc\/wireguard; wg genkey \| tee \/etc\/wireguard\/freenet6\.key /,
    )
    assert.match(await hint('freebsd'), /tee \/usr\/local\/etc\/wireguard\/freenet6\.key /)
    for (const os of ['windows', 'ios', 'android', 'mikrotik', 'vyos', 'opnsense']) {
      assert.doesNotMatch(await hint(os), /genkey|umask|root/, os)
      assert.match(await hint(os), /where WireGuard itself makes one/, os)
    }
  })

  test('a registration by public key is told what the client needs', async () => {
    const publicKey = newPublicKey()
    const answer = await ask('first', publicKey)
    assert.equal(answer.status, 201, answer.text)
    const given = JSON.parse(answer.text)
    assert.equal(given.kind, 'wireguard')
    assert.equal(given.ipv4_client, null)
    assert.equal(given.mtu, 1420)
    assert.match(given.wireguard.server_public_key, /^[A-Za-z0-9+/]{43}=$/)
    assert.deepEqual(given.wireguard, {
      public_key: publicKey,
      server_public_key: given.wireguard.server_public_key,
      endpoint: '192.0.2.1:51820',
      allowed_ips: '::/0',
      address: `${given.ipv6_client}/64`,
    })
    const script = await world.ask(given.links.script.slice(world.url.length))
    assert.ok(script.text.includes(`public_key=${publicKey}`))
    assert.ok(script.text.includes(`server_public_key=${given.wireguard.server_public_key}`))
  })

  const WRONG: readonly (readonly [what: string, key: unknown])[] = [
    ['nothing', undefined],
    ['a number', 7],
    ['an empty text', ''],
    ['31 octets', Buffer.alloc(31, 1).toString('base64')],
    ['33 octets', Buffer.alloc(33, 1).toString('base64')],
    ['the zero key', Buffer.alloc(32).toString('base64')],
    ['base64 that is not canonical', `${'A'.repeat(42)}B=`],
    ['base64url', Buffer.alloc(32, 0xff).toString('base64url')],
    ['a command', '$(reboot)'],
    ['a point of small order', keyOf('01', '00'.repeat(31))],
    ['a point of order eight', keyOf('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800')],
    ['one less than the prime', keyOf('ec', 'ff'.repeat(30), '7f')],
    ['the prime and nine, which is nine', keyOf('f6', 'ff'.repeat(30), '7f')],
    ['nine, with the bit that X25519 looks away from', keyOf('09', '00'.repeat(30), '80')],
  ]
  for (const [what, key] of WRONG) {
    test(`${what} is no public key`, async () => {
      const answer = await ask('wrong', key)
      assert.equal(answer.status, 400, answer.text)
      assert.equal(problemIn(answer).code, 'public-key-syntax')
    })
  }

  test('the server’s own key is nobody else’s, at a registration and later', async () => {
    const tunnel = JSON.parse((await ask('pasted', newPublicKey())).text)
    const { server_public_key: servers } = tunnel.wireguard
    const path = `${TUNNELS}/${tunnel.id}`
    for (const answer of [
      await ask('mistaken', servers),
      await world.askJson(path, 'PATCH', { public_key: servers }, bearer(tunnel.key)),
    ]) {
      assert.equal(answer.status, 400, answer.text)
      assert.equal(problemIn(answer).code, 'public-key-syntax')
      assert.match(answer.text, /the server’s own/)
    }
  })

  test('a key can have one tunnel, whichever way it comes by it', async () => {
    const [publicKey, other] = [newPublicKey(), newPublicKey()]
    const first = JSON.parse((await ask('holder', publicKey)).text)
    assert.equal(problemIn(await ask('rival', publicKey)).code, 'public-key-in-use')
    const second = JSON.parse((await ask('second', other)).text)
    const taken = await world.askJson(
      `${TUNNELS}/${second.id}`,
      'PATCH',
      { public_key: publicKey },
      bearer(second.key),
    )
    assert.equal(problemIn(taken).code, 'public-key-in-use')
    const fresh = newPublicKey()
    const changed = await world.askJson(
      `${TUNNELS}/${first.id}`,
      'PATCH',
      { public_key: fresh },
      bearer(first.key),
    )
    assert.equal(JSON.parse(changed.text).wireguard?.public_key, fresh, changed.text)
    assert.equal((await ask('heir', publicKey)).status, 201, 'the former key is free')
  })

  test('who gives a field that is none is told all that there are', async () => {
    const tunnel = JSON.parse((await ask('wanderer', newPublicKey())).text)
    const move = await world.askJson(
      `${TUNNELS}/${tunnel.id}`,
      'PATCH',
      { ipv4: '198.51.100.9' },
      bearer(tunnel.key),
    )
    assert.equal(problemIn(move).code, 'field-unknown')
    assert.match(move.text, /known: public_key, email, webhook, routed_prefix, mtu\./)
    const body = {
      kind: 'wireguard',
      public_key: newPublicKey(),
      nicname: 'y',
      country: 'ca',
      os: 'linux',
      ip: 'x',
    }
    assert.match((await world.askJson(TUNNELS, 'POST', body)).text, /webhook, kind, routed_prefix, mtu\./)
  })

  test('of two registrations of one key at once one wins', async () => {
    const publicKey = newPublicKey()
    const answers = await Promise.all([ask('left', publicKey), ask('right', publicKey)])
    assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 409])
  })

  test('a system without scripts for it is refused, and ipv4 is no field of it', async () => {
    assert.equal(problemIn(await ask('bsd', newPublicKey(), 'netbsd')).code, 'os-unknown')
    const body = {
      kind: 'wireguard',
      public_key: newPublicKey(),
      ipv4: '192.0.2.9',
      nicname: 'x',
      country: 'ca',
      os: 'linux',
    }
    assert.equal(problemIn(await world.askJson(TUNNELS, 'POST', body)).code, 'field-unknown')
  })

  test('a dormant tunnel is back with another key, and with its update client', async () => {
    const tunnel = JSON.parse((await ask('sleeper', newPublicKey())).text)
    const { dormant } = world.broker.table
    const fallAsleep = async () => {
      for (let round = 0; round < 6; round++)
        await world.broker.lifecycle.recordRound({ answered: [], silent: [tunnel.id] })
      assert.ok(dormant.byId(tunnel.id))
    }
    await fallAsleep()
    const fresh = newPublicKey()
    const changed = await world.askJson(
      `${TUNNELS}/${tunnel.id}`,
      'PATCH',
      { public_key: fresh },
      bearer(tunnel.key),
    )
    assert.equal(JSON.parse(changed.text).wireguard?.public_key, fresh, changed.text)
    await fallAsleep()
    const authorization = `Basic ${Buffer.from(`${tunnel.id}:${tunnel.key}`).toString('base64')}`
    const answer = await world.ask(`/nic/update?hostname=${tunnel.name}`, { headers: { authorization } })
    assert.match(answer.text, /^(good|nochg) /)
    assert.equal(dormant.byId(tunnel.id), undefined)
  })

  async function fallAsleep({ id }: { readonly id: string }): Promise<void> {
    for (let round = 0; round < 6; round++)
      await world.broker.lifecycle.recordRound({ answered: [], silent: [id] })
    assert.ok(world.broker.table.dormant.byId(id))
  }

  function change(tunnel: { readonly id: string; readonly key: string }, public_key: string) {
    return world.askJson(`${TUNNELS}/${tunnel.id}`, 'PATCH', { public_key }, bearer(tunnel.key))
  }

  test('a dormant tunnel keeps its public key: nobody else can register it, or take it for another tunnel', async () => {
    const publicKey = newPublicKey()
    const tunnel = JSON.parse((await ask('keeper', publicKey)).text)
    const other = JSON.parse((await ask('copycat', newPublicKey())).text)
    await fallAsleep(tunnel)
    for (const refusal of [await ask('thief', publicKey), await change(other, publicKey)])
      assert.deepEqual([refusal.status, problemIn(refusal).code], [409, 'public-key-in-use'])
    const own = JSON.parse((await change(tunnel, publicKey)).text)
    assert.deepEqual([own.state === 'dormant', own.wireguard.public_key], [false, publicKey])
    await fallAsleep(tunnel)
    await world.broker.lifecycle.delete(tunnel.id)
    assert.equal((await ask('next', publicKey)).status, 201, 'with the tunnel its key is free')
  })

  test('the public key that a tunnel has already is no move, however often it is sent', async () => {
    const publicKey = newPublicKey()
    const tunnel = JSON.parse((await ask('repeater', publicKey)).text)
    for (let times = 0; times < 61; times++) assert.equal((await change(tunnel, publicKey)).status, 200)
    assert.equal((await change(tunnel, newPublicKey())).status, 200)
  })

  test('who registers another’s public key first blocks nobody: a new key pair has a tunnel at once', async () => {
    const publicKey = newPublicKey()
    await ask('squatter', publicKey)
    assert.equal(problemIn(await ask('owner', publicKey)).code, 'public-key-in-use')
    assert.equal((await ask('owner', newPublicKey())).status, 201)
  })

  test('where another tunnel has a dormant one’s key all the same, its owner is told so, and wakes it with a new one', async () => {
    const publicKey = newPublicKey()
    const tunnel = JSON.parse((await ask('early', publicKey)).text)
    await fallAsleep(tunnel)
    const rival = JSON.parse((await ask('late', newPublicKey())).text)
    // As a database of an earlier version may have it: there the key was free as soon as its tunnel slept.
    const shell = new DatabaseSync(world.databaseFile)
    shell.exec(
      `UPDATE tunnels SET details = json_object('publicKey', '${publicKey}') WHERE id = '${rival.id}'`,
    )
    shell.close()

    const shown = JSON.parse(
      (await world.ask(`${TUNNELS}/${tunnel.id}`, { headers: bearer(tunnel.key) })).text,
    )
    assert.deepEqual([shown.state, shown.warnings?.[0]?.code], ['dormant', 'public-key-in-use'])
    assert.equal(problemIn(await change(tunnel, publicKey)).code, 'public-key-in-use')
    const headers = cookieIn(await world.post('/tunnels', { reference: tunnel.name, key: tunnel.key }))
    assert.match((await world.ask(`/tunnels/${tunnel.id}`, { headers })).text, /already has a tunnel/)
    assert.ok(world.broker.table.byId(rival.id), 'and the other one stays')

    const fresh = newPublicKey()
    const reply = await world.post(`/tunnels/${tunnel.id}/public-key`, { public_key: fresh }, headers)
    assert.deepEqual([reply.status, reply.headers.location], [303, `/tunnels/${tunnel.id}`])
    assert.equal(world.broker.table.byId(tunnel.id)?.kind.publicKey, fresh)
    assert.match(
      (await world.ask(`/tunnels/${tunnel.id}`, { headers })).text,
      /Done\.<\/strong> The tunnel is known by the new/,
    )
    assert.equal(world.broker.table.byId(rival.id)?.kind.publicKey, publicKey)
    const wrong = await world.post(`/tunnels/${tunnel.id}/public-key`, { public_key: 'x' }, headers)
    assert.match(wrong.text, /name="public_key" value="x"[^>]* aria-invalid="true"/)
    assert.equal(wrong.status, 400)
  })

  test('an update client is told nochg', async () => {
    const tunnel = JSON.parse((await ask('roamer', newPublicKey())).text)
    const authorization = `Basic ${Buffer.from(`${tunnel.id}:${tunnel.key}`).toString('base64')}`
    const path = `/nic/update?hostname=${tunnel.name}&myip=198.51.100.9`
    const answer = await world.ask(path, { headers: { authorization } })
    assert.match(answer.text, /^nochg /)
  })
})

test('a kind that the operator does not offer is refused', async () => {
  await using world = await PortalWorld.open(
    '[tunnel]\nkinds = ["sit"]\nreachability = "off"\nforeign_endpoints = true\nallow_special_purpose = true',
  )
  const body = { kind: 'wireguard', public_key: newPublicKey(), nicname: 'x', country: 'ca', os: 'linux' }
  assert.equal(problemIn(await world.askJson(TUNNELS, 'POST', body)).code, 'kind-unknown')
})

test('a system that has no scripts for what is offered is on no page', async () => {
  await using world = await PortalWorld.open(LAB.replace('[tunnel]', '[tunnel]\nkinds = ["sit"]'))
  const home = await world.ask('/', { headers: { accept: 'text/html', 'user-agent': 'Android 15; Mobile' } })
  assert.match(home.text, /href="\/register\/linux"/)
  assert.doesNotMatch(home.text, /register\/(android|ios)"/)
  assert.equal((await world.ask('/register/android')).status, 404)
})

test('a system that has one kind alone is offered no other', async () => {
  await using world = await PortalWorld.open()
  const form = async (os: string) => (await world.ask(`/register/${os}?kind=wireguard`)).text
  assert.match(await form('linux'), /name="switch" value="sit"/)
  assert.doesNotMatch(await form('android'), /name="switch"/)
})

function keyOf(...hex: readonly string[]): string {
  return Buffer.from(hex.join(''), 'hex').toString('base64')
}
