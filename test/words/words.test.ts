import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { PROBLEMS, problem } from '../../src/shared/problem.ts'
import { WordsFault } from '../../src/words/language.ts'
import { Words } from '../../src/words/words.ts'
import { GOOD, LAB, PortalWorld, problemIn } from '../portal/portal-world.ts'

const WORDS_DIR = join(import.meta.dirname, '../../templates/words')
const ENGLISH = readFileSync(join(WORDS_DIR, 'en.toml'), 'utf8')
/** Every text of the English file marked, its placeholders left: a language that is told apart at sight. */
const MARKED = ENGLISH.replace(/^([a-z0-9.-]+ = )(["'])(.*)\2$/gm, '$1$2«$3»$2')

/** The lines of a language's file, by table and key. */
function textsOf(tag: string): ReadonlyMap<string, string> {
  const texts = new Map<string, string>()
  let table = ''
  for (const line of readFileSync(join(WORDS_DIR, `${tag}.toml`), 'utf8').split('\n')) {
    table = /^\[(.+)\]$/.exec(line)?.[1] ?? table
    const [, key, text] = /^([a-z0-9.-]+) = (.+)$/.exec(line) ?? []
    if (key !== undefined && text !== undefined) texts.set(`${table}.${key}`, text)
  }
  return texts
}

suite('languages', () => {
  let directory: string

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'freenet6-words-'))
    cpSync(WORDS_DIR, directory, { recursive: true })
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  function faultWith(text: string): string {
    writeFileSync(join(directory, 'fr.toml'), text)
    try {
      Words.load(directory)
    } catch (error) {
      assert.ok(error instanceof WordsFault)
      return error.message
    }
    assert.fail('the words were taken')
  }

  test('one file more makes every problem come out in its language, to whoever prefers it', async () => {
    writeFileSync(join(directory, 'fr.toml'), MARKED)
    await using world = await PortalWorld.open(LAB, { words: directory })
    const french = { 'accept-language': 'qaa, fr-CA;q=0.9, en;q=0.8' }
    const bad = { ipv4: '10.1', nicname: '-', country: 'zz', os: 'plan9' }
    const answer = await world.askJson('/api/v1/tunnels', 'POST', bad, french)
    const document = problemIn(answer)
    assert.equal(document.title, '«Not an IPv4 address»')
    for (const { detail } of document.errors) assert.match(detail, /^«.*»$/)
    assert.equal(answer.headers['content-language'], 'fr')
    const page = await world.post('/register', bad, french)
    assert.match(page.text, /«Please correct: «A tunnel for «your host»»»/)
    assert.match(page.text, /«Choose one of linux/)
    assert.match(page.text, /<option value="de">Allemagne \(de\)<\/option>/)
    const english = problemIn(await world.askJson('/api/v1/tunnels', 'POST', { ...GOOD, os: '' }, {}))
    assert.match(english.detail, /^Choose one of/)
  })

  test('a text that is missing, unknown, or uses what it is not given stops the start and is named', () => {
    assert.match(
      faultWith(MARKED.replace(/^detail\.moves.*$/m, '')),
      /problem\.too-many-requests\.detail\.moves is missing/,
    )
    assert.match(faultWith(`${MARKED}\nfarewell = "adieu"\n`), /no use for page\.farewell/)
    assert.match(faultWith(MARKED.replace('{octets}', '{ipv4}')), /body-too-large\.detail uses \{ipv4\}/)
    assert.match(faultWith('[problem'), /fr\.toml: Invalid TOML/)
  })

  test('a name in two pairs of braces would be printed with one: it stops the start and is named', () => {
    const doubled = MARKED.replace('{octets}', '{{octets}}')
    assert.match(
      faultWith(doubled),
      /body-too-large\.detail has \{\{octets\}\}, a name in two pairs of braces/,
    )
  })

  test('each language says what the English text fills in, a wait above all', () => {
    const namesIn = (text = '') => [...new Set(text.match(/\{[a-z0-9:]+\}/g))].sort().join()
    const english = textsOf('en')
    for (const { tag } of Words.load().all)
      for (const [key, text] of textsOf(tag))
        assert.equal(namesIn(text), namesIn(english.get(key)), `${tag}: ${key}`)
  })

  test('French has a space that no line ends with before its high marks and inside its quotation marks', () => {
    const loose = [...textsOf('fr')].filter(([, text]) => / [;:!?»]|« /.test(text)).map(([key]) => key)
    assert.deepEqual(loose, [])
  })

  test('a language of one country or one script is found by its tag in any case, and by a longer one (RFC 4647 3.4)', () => {
    for (const tag of ['pt-BR', 'zh-Hant']) writeFileSync(join(directory, `${tag}.toml`), MARKED)
    const words = Words.load(directory)
    for (const [header, tag] of [
      ['pt-BR', 'pt-BR'],
      ['pt-br, en;q=0.5', 'pt-BR'],
      ['zh-Hant-TW, en;q=0.5', 'zh-Hant'],
      ['zh-Hans, fr;q=0.5', 'fr'],
    ] as const)
      assert.equal(words.choose(header).tag, tag, header)
    assert.equal(words.byTag('PT-BR')?.tag, 'pt-BR')
  })

  test('a backup that is refused is told in a sentence without braces', () => {
    for (const language of Words.load().all)
      assert.equal(language.detail(problem('backup-refused', { reason: 'No room' })), 'No room.')
  })

  test('who asks for a language that is not there, or for nothing sensible, is answered in English', () => {
    const words = Words.load(directory)
    for (const header of ['', 'xx', '*', ';;,q=', 'fr;q=0', `${'a,'.repeat(1000)}`])
      assert.equal(words.choose(header).tag, 'en', header)
  })

  test('a wait is told in seconds, then in minutes, in the singular too', () => {
    const { fallback } = Words.load(directory)
    const wait = (seconds: number) =>
      fallback.detail(problem('quota-exceeded', { seconds })).split('again in ')[1]
    assert.deepEqual(
      [wait(1), wait(119), wait(120), wait(3541)],
      ['1 second.', '119 seconds.', '2 minutes.', '60 minutes.'],
    )
  })

  test('every code has a status that HTTP has for refusals', () => {
    for (const { status } of Object.values(PROBLEMS)) assert.ok(status >= 400 && status < 600)
  })
})
