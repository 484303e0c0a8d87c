/** What systems need and what to do on them is written in every language of the pages, and says the same in each. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { parseIpv6 } from '../../src/address/ipv6.ts'
import { OperatingSystems } from '../../src/portal/operating-systems.ts'
import type { OperatingSystem, Part } from '../../src/portal/system-manifest.ts'
import { Templates } from '../../src/portal/templates.ts'
import { TunnelScripts } from '../../src/portal/tunnel-scripts.ts'
import type { Tunnel } from '../../src/tunnel/tunnel.ts'
import { Words } from '../../src/words/words.ts'
import { largestMtuOf, USUAL, WIREGUARD_FACTS } from './render.ts'

const SOURCE = 'en'
const TEMPLATES = join(import.meta.dirname, '../../templates')
const VALUES = { ...USUAL, publicKey: Buffer.alloc(32, 9).toString('base64') }
const systems = OperatingSystems.load()
const scripts = new TunnelScripts(
  {
    origin: USUAL.origin,
    serverIpv4: USUAL.ipv4Server,
    largestMtuOf,
    publicUrl: USUAL.publicUrl,
    ipv4Url: USUAL.ipv4Url,
    wireguard: WIREGUARD_FACTS,
  },
  systems,
  new Templates(),
)
const BEHIND_ROUTER: Tunnel = {
  id: USUAL.id,
  kind: { name: 'sit' },
  ipv4Client: USUAL.ipv4Client,
  ipv6Client: parseIpv6(USUAL.ipv6Client) ?? new Uint8Array(),
  ipv6Server: parseIpv6(USUAL.ipv6Server) ?? new Uint8Array(),
  routedPrefix: { octets: parseIpv6('2001:db8:8000:100::') ?? new Uint8Array(), length: 56 },
  device: 'fn6-1',
  nicname: 'nic',
  country: 'ca',
  os: 'linux',
  creationTime: 0,
  unreachable: 0,
  waitUntil: undefined,
  stateSince: undefined,
}
const tags = Words.load()
  .all.map(({ tag }) => tag)
  .filter(tag => tag !== SOURCE)

for (const tag of tags) {
  suite(`the systems in ${tag}`, () => {
    for (const source of systems.all) {
      const spoken = systems.in(tag).find(source.id) ?? source

      test(`${source.id} has a system.${tag}.toml, with nothing left in English`, () => {
        assert.equal(spoken.language, tag)
        for (const text of textsOf(spoken))
          assert.ok(!isSentence(text) || !textsOf(source).includes(text), text)
      })

      for (const kind of source.files.keys()) {
        for (const part of ['notes', ...source.prose] as const) {
          test(`${source.id} says the same by ${kind}/${part}, line by line`, () => {
            const from = linesOf(SOURCE, { os: source.id, kind, part })
            const to = linesOf(tag, { os: source.id, kind, part })
            assert.equal(to.length, from.length)
            for (const [at, line] of from.entries()) assertSame(line, to[at] ?? '')
          })
        }
      }
    }

    test('what to do with a routed prefix is said in it', () => {
      assert.notDeepEqual(routedNotes(tag), routedNotes(SOURCE))
      for (const [at, line] of routedNotes(SOURCE).entries()) assertSame(line, routedNotes(tag)[at] ?? '')
    })
  })
}

test('French files have a space that no line ends with before high marks and inside quotation marks', () => {
  const loose = readdirSync(TEMPLATES, { recursive: true, encoding: 'utf8' })
    .filter(file => /\.fr\.(hbs|toml)$|\/fr\/.+\.hbs$/.test(file))
    .flatMap(file => readFileSync(join(TEMPLATES, file), 'utf8').split('\n'))
    .filter(line => / ([;!?»]|:(?!:))|« /.test(line)) // `::/0` is an address
  assert.deepEqual(loose, [])
})

/** A command, a path, a number, an address or an option stands in every language as it is. */
function assertSame(source: string, translated: string): void {
  if (isSentence(source)) assert.notEqual(translated, source)
  const kept = technicalWords(source)
  assert.deepEqual(technicalWords(translated), kept, translated)
}

function technicalWords(line: string): string[] {
  const words = line.split(/[\s\u00a0]+/).map(word => word.replace(/^[("«“]+|[)",.:;»”]+$/g, ''))
  return words.filter(word => /[/_=@\\\d]|^-/.test(word) && /\w/.test(word)).sort()
}

/** More than names and values. */
function isSentence(text: string): boolean {
  return text.split(' ').filter(word => /^[A-Z]?[a-z]+$/.test(word)).length > 4
}

function textsOf(system: OperatingSystem): readonly string[] {
  return [system, ...Object.values(system.kinds)].flatMap(({ needs, checks, manuals }) => [
    ...needs,
    ...checks.flatMap(check => ('words' in check ? check.words : [])),
    ...manuals.map(({ text }) => text),
  ])
}

function linesOf(
  language: string,
  of: { readonly os: string; readonly kind: string; readonly part: Part },
): readonly string[] {
  return (scripts.render(VALUES, { ...of, language }) ?? '').split('\n')
}

function routedNotes(language: string): readonly string[] {
  return scripts.routedNotes(BEHIND_ROUTER, language)
}
