import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { LAB, PortalWorld } from './portal-world.ts'

const FORM = '/register/linux'
const BY_PROXY = LAB.replace('[web]', '[web]\ntrusted_proxies = ["127.0.0.1"]')
const WIREGUARD = /name="kind" value="wireguard"/
const SIT = /name="kind" value="sit"/

suite('the form behind a proxy that nobody has named', () => {
  test('says so, offers what needs no address, and fills in none of the proxy’s', async () => {
    await using world = await PortalWorld.open()
    for (const headers of [{ 'x-forwarded-for': '198.51.100.7' }, { forwarded: 'for=198.51.100.7' }]) {
      const form = await world.ask(FORM, { headers })
      assert.match(
        form.text,
        /a proxy before this server, which <code>web\.trusted_proxies<\/code> does not name/,
      )
      assert.match(form.text, WIREGUARD)
      const sit = await world.ask(`${FORM}?kind=sit`, { headers })
      assert.match(sit.text, /id="ipv4" name="ipv4" value=""/)
      assert.doesNotMatch(sit.text, /Filled in/)
      assert.match((await world.ask('/', { headers })).text, /does not name/)
    }
  })

  test('is as ever for who sits at the machine itself, and where the proxy is named', async () => {
    await using world = await PortalWorld.open()
    const own = await world.ask(FORM)
    assert.match(own.text, SIT)
    assert.match(own.text, /own machine/)
    assert.match(own.text, /name="ipv4" value="127\.0\.0\.1"/)
    await using named = await PortalWorld.open(BY_PROXY)
    const form = await named.ask(FORM, { headers: { 'x-forwarded-for': '198.51.100.7' } })
    assert.match(form.text, SIT)
    assert.doesNotMatch(form.text, /does not name/)
  })
})

suite('the form for WireGuard', () => {
  for (const address of ['100.64.1.2', '192.168.1.20'])
    test(`tells who comes from ${address} that it works there`, async () => {
      await using world = await PortalWorld.open(BY_PROXY)
      const { text } = await world.ask(FORM, { headers: { 'x-forwarded-for': address } })
      assert.match(text, WIREGUARD)
      assert.match(text, /WireGuard works there/)
      assert.doesNotMatch(text, /can not reach you/)
    })

  test('promises no key pair of the browser’s to who has no script', async () => {
    await using world = await PortalWorld.open()
    const { text } = await world.ask(`${FORM}?kind=wireguard`)
    const hint = /id="public_key-hint">([\s\S]*?)<\/p>/.exec(text)?.[1] ?? assert.fail()
    assert.doesNotMatch(hint, /browser/)
  })
})
