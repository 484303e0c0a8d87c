/** The page that shows a new key, and the form that takes one. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { KEY } from './keys-and-letters.ts'
import { cookieIn, GOOD, PortalWorld } from './portal-world.ts'

function unescaped(text: string): string {
  return text.replaceAll('&amp;', '&').replaceAll('&#x3D;', '=')
}

function linkTo(text: string, tag: string): string {
  const [, href = ''] = new RegExp(`href="([^"]*)"[^>]* hreflang="${tag}"`).exec(text) ?? []
  return unescaped(href)
}

async function opened(world: PortalWorld) {
  const answer = await world.post('/register', { ...GOOD })
  const path = String(answer.headers.location)
  const headers = cookieIn(answer)
  const page = await world.ask(path, { headers })
  const [, key = assert.fail(page.text)] = KEY.exec(page.text) ?? []
  return { headers, path, page, key }
}

suite('the page of a new key', () => {
  test('shows it in another language too, and its own address shows it once', async () => {
    await using world = await PortalWorld.open()
    const { headers, path, page, key } = await opened(world)
    const french = await world.ask(linkTo(page.text, 'fr'), { headers })
    assert.match(french.text, /<html lang="fr"/)
    assert.equal(KEY.exec(french.text)?.[1], key)
    const english = await world.ask(linkTo(french.text, 'en'), { headers })
    assert.equal(KEY.exec(english.text)?.[1], key)
    for (const seen of [path, linkTo(page.text, 'fr')])
      assert.doesNotMatch((await world.ask(seen, { headers })).text, KEY)
  })

  test('shows it with the scripts of another system too', async () => {
    await using world = await PortalWorld.open()
    const { headers, path, page, key } = await opened(world)
    const [, first = ''] = /<input type="hidden" name="first" value="([^"]+)">/.exec(page.text) ?? []
    const other = await world.ask(`${path.split('?')[0]}?first=${first}&os=freebsd`, { headers })
    assert.equal(KEY.exec(other.text)?.[1], key)
    assert.match(linkTo(other.text, 'fr'), /[?&]os=freebsd/)
  })

  test('carries nothing on once it has no key to show', async () => {
    await using world = await PortalWorld.open()
    const { headers, path } = await opened(world)
    const later = await world.ask(`${path.split('?')[0]}`, { headers })
    assert.doesNotMatch(later.text, /[?&]first=|name="first"/)
  })

  test('does not show a key that another one has replaced', async () => {
    await using world = await PortalWorld.open()
    const { headers, path, page, key } = await opened(world)
    const id = path.split('?')[0]?.split('/').at(-1) ?? ''
    await world.askJson(`/api/v1/tunnels/${id}/key`, 'POST', {}, { authorization: `Bearer ${key}` })
    assert.doesNotMatch((await world.ask(linkTo(page.text, 'fr'), { headers })).text, KEY)
  })
})

test('another language keeps the kind of tunnel and the system that were chosen', async () => {
  await using world = await PortalWorld.open()
  const form = await world.ask('/register/linux?kind=wireguard&from=elsewhere')
  assert.equal(linkTo(form.text, 'fr'), '/register/linux?kind=wireguard&lang=fr')
  const french = await world.ask(linkTo(form.text, 'fr'))
  assert.match(french.text, /name="public_key"/)
})

suite('the form that opens a tunnel', () => {
  test('takes a key as it is pasted: in quotes, with capitals, spaces, line ends and what nobody sees', async () => {
    await using world = await PortalWorld.open()
    const { id, key } = await world.register()
    const middle = `${key.slice(0, 16)} ${key.slice(16)}`
    for (const pasted of [
      key.toUpperCase(),
      `"${key}"`,
      middle,
      `\u00a0${key}\u200b\n`,
      `«${key}»`,
      `\ufeff${key}.`,
    ])
      assert.equal(
        (await world.post('/tunnels', { reference: id, key: pasted })).status,
        303,
        JSON.stringify(pasted),
      )
  })

  test('says what a key looks like where this is none, and of a key alone that it is wrong', async () => {
    await using world = await PortalWorld.open()
    const { id, key } = await world.register()
    for (const none of ['', 'abc', key.slice(1), `${key}0`, `${key.slice(1)}g`]) {
      const { status, text } = await world.post('/tunnels', { reference: id, key: none })
      assert.equal(status, 401)
      assert.match(text, /A key has 32 characters/)
    }
    const { text } = await world.post('/tunnels', { reference: id, key: '0'.repeat(32) })
    assert.match(text, /No tunnel has this id or name with this key/)
  })
})
