import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { formatIpv6 } from '../../src/address/ipv6.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { KEY } from './keys-and-letters.ts'
import { type Answer, cookieIn, GOOD, LAB, PortalWorld, problemIn } from './portal-world.ts'

const SCRIPT = '<script>alert("&\'")</script>'

suite('pages', () => {
  let world: PortalWorld
  let last = 0

  before(async () => {
    world = await PortalWorld.open()
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
  })

  /** Registers by the form, with an address and a name of its own. */
  async function registered(): Promise<{
    id: string
    location: string
    answer: Answer
    cookie: { cookie: string }
  }> {
    last++
    const answer = await world.post('/register', {
      ...GOOD,
      ipv4: `203.0.113.${last}`,
      nicname: `page${last}`,
    })
    const location = String(answer.headers.location)
    assert.equal(answer.status, 303, answer.text)
    const id = /^\/tunnels\/([a-z0-9]{12})\?/.exec(location)?.[1] ?? assert.fail(location)
    return { id, location, answer, cookie: cookieIn(answer) }
  }

  test('a registration answers 303 with a session that has every flag, and not the key', async () => {
    const { answer } = await registered()
    assert.match(
      String(answer.headers['set-cookie']),
      /^freenet6=[\w-]{22}; path=\/; expires=[^;]+ GMT; samesite=strict; httponly$/,
    )
    assert.doesNotMatch(answer.text + String(answer.headers.location), /[0-9a-f]{32}/)
  })

  test('the key is shown to the first GET of the page and to no later one; HEAD does not use it up', async () => {
    const { id, location, cookie } = await registered()
    assert.equal((await world.ask(location, { method: 'HEAD', headers: cookie })).status, 200)
    const first = await world.ask(location, { headers: cookie })
    const key = KEY.exec(first.text)?.[1] ?? ''
    assert.ok(world.broker.table.keyMatches(id, key))
    assert.equal(first.headers['cache-control'], 'no-store')
    for (const path of [location, `/tunnels/${id}`])
      assert.ok(!(await world.ask(path, { headers: cookie })).text.includes(key), path)
  })

  test('a fault of ours at the first view does not lose the key: the next view has it', async t => {
    const { location, cookie } = await registered()
    t.mock.method(world.broker.lifecycle, 'endOf', () => assert.fail('a fault of ours'), { times: 1 })
    assert.equal((await world.ask(location, { headers: cookie })).status, 500)
    assert.equal(world.faults.splice(0).length, 1)
    assert.match((await world.ask(location, { headers: cookie })).text, KEY)
  })

  test('the link to the first view works without a cookie, once; then the page asks for the key', async () => {
    const { location } = await registered()
    assert.match((await world.ask(location)).text, KEY)
    assert.match((await world.ask(location)).text, /<h1>Open your tunnel<\/h1>/)
  })

  test('a tunnel’s page and its scripts are for who is signed in to that tunnel', async () => {
    const mine = await registered()
    const other = await registered()
    for (const headers of [{}, other.cookie, { cookie: 'freenet6=x' }]) {
      assert.match((await world.ask(`/tunnels/${mine.id}`, { headers })).text, /<h1>Open your tunnel<\/h1>/)
      assert.equal((await world.ask(`/tunnels/${mine.id}/script`, { headers })).status, 401)
      const move = await world.post(`/tunnels/${mine.id}/endpoint`, { ipv4: '203.0.113.250' }, headers)
      assert.equal(move.status, 401)
      assert.equal((await world.post(`/tunnels/${mine.id}/delete`, { sure: 'yes' }, headers)).status, 401)
    }
    assert.notEqual(world.broker.table.byId(mine.id)?.ipv4Client, '203.0.113.250')
    const script = await world.ask(`/tunnels/${mine.id}/script?os=windows&action=down`, {
      headers: mine.cookie,
    })
    assert.equal(script.status, 200)
    assert.match(String(script.headers['content-disposition']), /freenet6-down\.cmd/)
    for (const query of ['os=plan9', 'action=sideways', 'os=linux&os=debian'])
      assert.equal(
        (await world.ask(`/tunnels/${mine.id}/script?${query}`, { headers: mine.cookie })).status,
        404,
      )
  })

  test('a browser that keeps no cookie is led to the key again, and is told of the cookie', async () => {
    const { id, location } = await registered()
    const key = KEY.exec((await world.ask(location)).text)?.[1] ?? ''
    const answer = await world.post('/tunnels', { reference: id, key })
    const again = await world.ask(String(answer.headers.location))
    assert.match(again.text, /<h1>Open your tunnel<\/h1>[\s\S]*remembered by a cookie/)
    const kept = await world.ask('/tunnels', { headers: cookieIn(answer) })
    assert.doesNotMatch(kept.text, /remembered by a cookie/)
  })

  test('signing in takes id or name and key, with white space around them; a wrong key keeps what was typed', async () => {
    const { id, location } = await registered()
    const key = KEY.exec((await world.ask(location)).text)?.[1] ?? ''
    const name = `page${last}.ca.freenet6.net`
    for (const reference of [id, name, `${name}.`, ` page${last}.CA `]) {
      const answer = await world.post('/tunnels', { reference, key: ` ${key} ` })
      assert.deepEqual([answer.status, answer.headers.location], [303, `/tunnels/${id}`], reference)
      const page = await world.ask(`/tunnels/${id}`, { headers: cookieIn(answer) })
      assert.match(page.text, new RegExp(`<h1 class="name">${name}</h1>`))
    }
    const wrong = await world.post('/tunnels', { reference: `"${SCRIPT}`, key: 'no' })
    assert.equal(wrong.status, 401)
    assert.ok(!wrong.text.includes('<script'))
    assert.match(wrong.text, /name="reference" value="&quot;&lt;script&gt;/)
    assert.equal(wrong.headers['set-cookie'], undefined)
  })

  test('what was typed comes back as text, never as HTML, with each mistake beside its field', async () => {
    const typed = { ipv4: `"><b>${SCRIPT}`, nicname: SCRIPT, country: '"><zz', os: '"><plan9' }
    const page = await world.post('/register', typed)
    assert.equal(page.status, 400)
    assert.doesNotMatch(page.text, /<script|<b>|<zz|<plan9/)
    assert.match(page.text, /<title>Please correct: /)
    for (const field of ['ipv4', 'nicname', 'country', 'os']) {
      const part = new RegExp(
        `<div class="field wrong">\\s*<label for="${field}">[\\s\\S]*?id="${field}-problem"`,
      )
      assert.match(page.text, part)
      assert.match(page.text, new RegExp(`id="${field}"[^>]*aria-invalid="true"`))
      assert.match(page.text, new RegExp(`<a href="#${field}">`))
    }
    assert.match(
      page.text,
      /id="nicname" name="nicname" value="&lt;script&gt;alert\(&quot;&amp;&#x27;&quot;\)/,
    )
    assert.match(page.text, /typed: &quot;&gt;&lt;zz/)
    assert.match(page.text, /value="&quot;&gt;&lt;plan9" selected/)
  })

  test('one mistake leaves the other fields as they were typed', async () => {
    const page = await world.post('/register', { ...GOOD, ipv4: '127.1', country: 'FR', os: 'windows' })
    assert.match(page.text, /id="ipv4" name="ipv4" value="127\.1"/)
    assert.match(page.text, /id="nicname" name="nicname" value="alice"/)
    assert.match(page.text, /<option value="fr" selected>/)
    assert.match(page.text, /<option value="windows" selected>/)
    assert.equal(page.text.match(/class="field wrong"/g)?.length, 1)
  })

  test('white space around any field of a form is trimmed, around the kind too', async () => {
    const typed = { ...GOOD, ipv4: '127.1', kind: ' sit ', os: ' linux ' }
    const page = await world.post('/register', typed)
    assert.match(page.text, /\(ipv4-syntax\)/)
    assert.doesNotMatch(page.text, /\((kind|os)-unknown\)/)
    assert.match(page.text, /name="kind" value="sit"/)
  })

  test('a field that stands twice in a form with different values is named, and with the same value it is taken', async () => {
    const headers = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' }
    const send = (body: string) => world.ask('/register', { method: 'POST', headers, body })
    const typed = 'ipv4=203.0.113.91&country=ca&os=linux&nicname=once'
    const { code, detail } = problemIn(await send(`${typed}&nicname=twice`))
    assert.deepEqual([code, /"nicname"/.test(detail)], ['body-syntax', true], detail)
    assert.equal((await send(`${typed}&nicname=+once`)).status, 303)
  })

  test('a form without fields, with a field twice, or with junk is a form with mistakes', async () => {
    const headers = { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' }
    for (const body of ['', 'ipv4=&ipv4=192.0.2.9', '%', '__proto__=x&constructor=y', '\u0000'])
      assert.equal((await world.ask('/register', { method: 'POST', headers, body })).status, 400, body)
    const latin = Buffer.from('nicname=\xe9', 'latin1')
    const answer = await world.ask('/register', { method: 'POST', headers, body: latin })
    assert.match(answer.text, /\(body-syntax\)/)
  })

  test('an endpoint that has a tunnel leads to the door of that tunnel', async () => {
    await registered()
    const page = await world.post('/register', { ...GOOD, ipv4: `203.0.113.${last}`, nicname: 'second' })
    assert.equal(page.status, 409)
    assert.match(page.text, /<a href="\/tunnels">Open the tunnel that is there<\/a>/)
  })

  test('a move that is refused says why beside its field and keeps what was typed', async () => {
    const { id, cookie } = await registered()
    const page = await world.post(`/tunnels/${id}/endpoint`, { ipv4: `10.0.0<b>` }, cookie)
    assert.equal(page.status, 400)
    assert.match(page.text, /name="ipv4" value="10\.0\.0&lt;b&gt;"[^>]*aria-invalid="true"/)
    assert.match(page.text, /id="ipv4-problem">[^<]*four decimal numbers/)
    const moved = await world.post(`/tunnels/${id}/endpoint`, { ipv4: '203.0.113.201' }, cookie)
    assert.deepEqual([moved.status, moved.headers.location], [303, `/tunnels/${id}`])
    const [told, later] = [
      await world.ask(`/tunnels/${id}`, { headers: cookie }),
      await world.ask(`/tunnels/${id}`, { headers: cookie }),
    ]
    assert.match(told.text, /<code>203\.0\.113\.201<\/code>/)
    assert.match(
      told.text,
      /role="status"><strong>Done\.<\/strong> The other end of the tunnel is 203\.0\.113\.201 now\./,
    )
    assert.doesNotMatch(later.text, /Done\./)
  })

  test('the visitor’s present address is taken for the tunnel’s only by who says so in a tick', async () => {
    const { id, cookie } = await registered()
    const page = await world.ask(`/tunnels/${id}`, { headers: cookie })
    assert.match(page.text, /id="ipv4" name="ipv4" value=""/)
    assert.match(page.text, /Move it to <code>127\.0\.0\.1<\/code>/)
    const click = await world.post(`/tunnels/${id}/endpoint`, { ipv4: '127.0.0.1', present: 'yes' }, cookie)
    assert.equal(click.status, 400)
    assert.match(click.text, /The tunnel was not moved/)
    assert.notEqual(world.broker.table.byId(id)?.ipv4Client, '127.0.0.1')
    const said = { ipv4: '127.0.0.1', present: 'yes', sure: 'yes' }
    assert.equal((await world.post(`/tunnels/${id}/endpoint`, said, cookie)).status, 303)
    assert.equal(world.broker.table.byId(id)?.ipv4Client, '127.0.0.1')
  })

  test('the page says what the nameserver answers for the tunnel, both ways', async () => {
    const { id, cookie } = await registered()
    const tunnel = world.broker.table.byId(id) ?? assert.fail('registered')
    const name = `page${last}.ca.freenet6.net`
    const { text } = await world.ask(`/tunnels/${id}`, { headers: cookie })
    assert.ok(text.includes(`<code>${name}</code> points to <code>${formatIpv6(tunnel.ipv6Client)}</code>`))
    assert.ok(text.includes(`The address points back to <code>${name}</code>`))
    world.broker.catalog.commit([
      { kind: 'remove', owner: world.broker.zone.names.reverseOwnerOf(tunnel.ipv6Client), type: TYPE.PTR },
    ])
    const later = await world.ask(`/tunnels/${id}`, { headers: cookie })
    assert.match(later.text, /The address points back to no name now/)
  })

  test('a deletion wants the tick, and gives the undo once more, to a second click and a reload too', async () => {
    const { id, cookie } = await registered()
    assert.equal((await world.post(`/tunnels/${id}/delete`, {}, cookie)).status, 400)
    assert.ok(world.broker.table.byId(id))
    const gone = await world.post(`/tunnels/${id}/delete`, { sure: 'yes' }, cookie)
    assert.equal(gone.status, 200)
    assert.match(gone.text, /<pre[^>]*><code>#!\/bin\/sh/)
    assert.equal(world.broker.table.byId(id), undefined)
    const again = await world.post(`/tunnels/${id}/delete`, { sure: 'yes' }, cookie)
    assert.deepEqual([again.status, again.text], [200, gone.text])
    assert.match(
      (await world.ask(`/tunnels/${id}`, { headers: cookie })).text,
      /<h1>The tunnel is gone<\/h1>/,
    )
    assert.equal((await world.post(`/tunnels/${id}/delete`, { sure: 'yes' })).status, 401)
    assert.match((await world.ask(`/tunnels/${id}`)).text, /<h1>Open your tunnel<\/h1>/)
  })

  test('a double click on a deletion gives the undo to both', async () => {
    const { id, cookie } = await registered()
    const click = () => world.post(`/tunnels/${id}/delete`, { sure: 'yes' }, cookie)
    for (const { status, text } of await Promise.all([click(), click()])) {
      assert.equal(status, 200)
      assert.match(text, /<pre[^>]*><code>#!\/bin\/sh/)
    }
  })

  test('a tunnel that was taken down meanwhile is told as such to its owner', async () => {
    const { id, cookie } = await registered()
    await world.broker.lifecycle.delete(id, 'operator')
    const page = await world.ask(`/tunnels/${id}`, { headers: { ...cookie, accept: 'text/html' } })
    assert.equal(page.status, 404)
    assert.match(page.text, /This tunnel has been taken down/)
  })

  test('the page says active since when, and not answering with the echoes missed', async () => {
    const { id, cookie } = await registered()
    const words = async () => (await world.ask(`/tunnels/${id}`, { headers: cookie })).text
    assert.match(await words(), /class="state active"[\s\S]*Since \d{4}-/)
    await world.broker.lifecycle.recordRound({ answered: [], silent: [id] })
    assert.match(await words(), /class="state unreachable"[\s\S]*>1 \(more than 5/)
  })

  test('the page says how an update client moves the tunnel by itself', async () => {
    const { id, cookie } = await registered()
    const page = await world.ask(`/tunnels/${id}`, { headers: cookie })
    assert.ok(page.text.includes(`${world.url}/nic/update`))
    assert.match(page.text, new RegExp(`login(=|&#x3D;)${id}`))
    assert.match(page.text, /protocol(=|&#x3D;)dyndns2/)
  })

  test('no request was a fault', () => {
    assert.deepEqual(world.faults, [])
  })
})

test('what admission only warns of is shown on the page once, at registration and at a move', async () => {
  await using world = await PortalWorld.open(LAB.replace('reachability = "off"', 'reachability = "warn"'))
  world.silent.add(GOOD.ipv4).add('192.0.2.78')
  const answer = await world.post('/register', GOOD)
  const headers = cookieIn(answer)
  const first = await world.ask(String(answer.headers.location), { headers })
  assert.match(first.text, /class="warning"[\s\S]*192\.0\.2\.77 did not answer our ping/)
  const id = world.broker.table.idByEndpoint(GOOD.ipv4) ?? ''
  const moved = await world.post(`/tunnels/${id}/endpoint`, { ipv4: '192.0.2.78' }, headers)
  const next = await world.ask(String(moved.headers.location), { headers })
  assert.match(next.text, /class="warning"[\s\S]*192\.0\.2\.78 did not answer our ping/)
  assert.doesNotMatch(next.text, KEY)
  assert.doesNotMatch((await world.ask(`/tunnels/${id}`, { headers })).text, /class="warning"/)
})

test('the session cookie is Secure where the public URL is https', async () => {
  await using world = await PortalWorld.open(
    LAB.replace('[web]', '[web]\npublic_url = "https://broker.example.net"'),
  )
  const answer = await world.post('/register', GOOD)
  assert.match(
    String(answer.headers['set-cookie']),
    /^__Host-freenet6=[\w-]{22}; path=\/; .*; secure; httponly$/,
  )
})
