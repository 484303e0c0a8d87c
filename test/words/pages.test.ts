import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { cookieIn, GOOD, PortalWorld } from '../portal/portal-world.ts'

const PAGES_DIR = join(import.meta.dirname, '../../templates/pages')
const HTML = { accept: 'text/html' }
const FRENCH = { ...HTML, 'accept-language': 'fr' }
/** What is the same in every language. */
const OWN_NAME = /freenet6|UTC/g

for (const file of readdirSync(PAGES_DIR).filter(name => name.endsWith('.hbs'))) {
  test(`${file} has no words of its own: all are in templates/words`, () => {
    const text = readFileSync(join(PAGES_DIR, file), 'utf8')
      .replace(/\{\{\{?[^}]*\}?\}\}/g, '')
      .replace(/<code[^>]*>.*?<\/code>/g, '')
    const spoken = [...text.matchAll(/(?:aria-label|alt|title|placeholder)="([^"]*)"/g)].map(
      ([, words]) => words,
    )
    const labels = spoken.join(' ').replace(/ddclient|inadyn|cron/g, '')
    assert.doesNotMatch(labels, /[a-z]/i)
    assert.doesNotMatch(text.replace(/<[^>]*>/g, '').replace(OWN_NAME, ''), /[a-z]/i)
  })
}

suite('pages in French', () => {
  let world: PortalWorld

  before(async () => {
    world = await PortalWorld.open()
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
  })

  for (const [path, words] of [
    ['/', 'Choisissez votre système'],
    ['/register/linux', 'Inscrire le tunnel'],
    ['/register/linux', 'Un noyau avec le module sit'],
    ['/register/linux?kind=wireguard', 'Le module wireguard du noyau'],
    ['/register/pfsense', 'Status, Dashboard : la ligne Version'],
    ['/', 'Fedora, postes de travail et autres avec NetworkManager'],
    ['/tunnels', 'Identifiant ou nom'],
    ['/recover', 'Vous venez en IPv4, depuis 127.0.0.1'],
    ['/errors', 'L’adresse IPv4 a déjà un tunnel'],
    ['/nowhere', 'Cette page n’existe pas'],
  ] as const) {
    test(`${path} is French for who asks for it, and says so`, async () => {
      const page = await world.ask(path, { headers: FRENCH })
      assert.ok(page.text.includes(words))
      assert.match(page.text, /<html lang="fr">/)
      assert.equal(page.headers['content-language'], 'fr')
    })
  }

  test('the whole way: refused, registered, moved, deleted', async () => {
    const refused = await world.post('/register', { ...GOOD, ipv4: '1' }, FRENCH)
    assert.match(refused.text, /Rien n’a été inscrit/)
    const answer = await world.post('/register', GOOD, FRENCH)
    const headers = { ...FRENCH, ...cookieIn(answer) }
    const page = await world.ask(String(answer.headers.location), { headers })
    assert.match(page.text, /À faire maintenant[\s\S]*Votre clé[\s\S]*Supprimer le tunnel/)
    assert.match(page.text, /<ol class="notes" lang="fr">\s*<li>Il vous faut les droits root/)
    const id = world.broker.table.idByEndpoint(GOOD.ipv4) ?? ''
    const steps = await world.ask(`/tunnels/${id}/script?os=pfsense`, { headers })
    assert.match(steps.text, /^Le tunnel IPv6 de/)
    const api = await world.ask(`/api/v1/tunnels/${id}/script?os=pfsense`)
    assert.match(api.text, /^The IPv6 tunnel of/)
    const gone = await world.post(`/tunnels/${id}/delete`, { sure: 'yes' }, headers)
    assert.match(gone.text, /<h1>Le tunnel n’est plus<\/h1>/)
    assert.deepEqual(world.faults, [])
  })

  test('a link on each page changes the language, and the browser is told to remember it', async () => {
    const english = await world.ask('/tunnels', { headers: HTML })
    assert.match(english.text, /<a href="\/tunnels\?lang(=|&#x3D;)fr" lang="fr" hreflang="fr">français<\/a>/)
    const french = await world.ask('/tunnels?lang=fr', { headers: HTML })
    assert.match(french.text, /<html lang="fr">/)
    assert.match(String(french.headers['set-cookie']), /^lang=fr; path=\/; max-age=31536000; samesite=lax$/)
    const later = await world.ask('/', { headers: { ...HTML, ...cookieIn(french), 'accept-language': 'en' } })
    assert.match(later.text, /<html lang="fr">/)
    const unknown = await world.ask('/?lang=xx', { headers: HTML })
    assert.match(unknown.text, /<html lang="en">/)
    assert.equal(unknown.headers['set-cookie'], undefined)
  })

  test('what stands in a sentence is escaped, and no mark of a visitor’s is read', async () => {
    const typed = { ...GOOD, ipv4: '203.0.113.9', country: '*x* `y` [z](/q) <b>' }
    const page = await world.post('/register', typed, HTML)
    assert.doesNotMatch(page.text, /<strong>x|<code>y|href="\/q"|<b>/)
  })
})
