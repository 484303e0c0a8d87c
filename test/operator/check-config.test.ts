import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { runCli } from '../spawn.ts'

const APEX = '$TTL 60\n@ SOA ns1 hostmaster 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n'
const REAL = 'zones_dir = "zones"\n[tunnel]\nprefix = "2a00:1::/48"\nserver_ipv4 = "8.8.4.4"\n'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-check-'))
  mkdirSync(join(dir, 'zones'))
  writeFileSync(join(dir, 'freenet6.toml'), REAL)
  zone('freenet6.net', APEX)
})
afterEach(() => rmSync(dir, { recursive: true }))

function zone(name: string, text: string): void {
  writeFileSync(join(dir, 'zones', `${name}.zone`), text)
}

function check(...words: string[]) {
  return runCli(['check-config', '--config', join(dir, 'freenet6.toml'), ...words], { dir })
}

test('a configuration and zones without mistakes are one line', async () => {
  const { code, stdout, stderr } = await check()
  assert.deepEqual([code, stderr, stdout], [0, '', `${join(dir, 'freenet6.toml')}: no mistakes\n`])
})

test('a mistake in a zone file is one of the configuration, with file, line and column', async () => {
  zone('example.org', `${APEX}a A 192.0.2.300\n`)
  const { code, stderr } = await check()
  assert.equal(code, 2)
  assert.match(stderr, /example\.org\.zone:5:5: error: /)
})

test('two files for one zone are a mistake that names both', async () => {
  zone('other', `$ORIGIN FreeNet6.net.\n${APEX}`)
  const { code, stderr } = await check()
  assert.equal(code, 2)
  assert.match(
    stderr,
    /other\.zone: error: gives the zone freenet6\.net\., and so does .*freenet6\.net\.zone/,
  )
})

test('a file that is named unlike its zone is a warning, and warnings end with 0', async () => {
  zone('other', `$ORIGIN example.net.\n${APEX}`)
  const { code, stdout } = await check()
  assert.equal(code, 0)
  assert.match(stdout, /^warning: .*other\.zone: has the zone example\.net\., unlike its name$/m)
  const json = JSON.parse((await check('--json')).stdout)
  assert.equal(json.warnings.length, 1)
})

test('a data_dir that can not be is a mistake', async () => {
  writeFileSync(join(dir, 'freenet6.toml'), `data_dir = "freenet6.toml/data"\n${REAL}`)
  const { code, stdout } = await check('--json')
  assert.equal(code, 2)
  const document = JSON.parse(stdout)
  assert.equal(document.code, 'configuration')
  assert.match(document.detail, /^data_dir = ".*\/data": .*freenet6\.toml can't be written$/)
})
