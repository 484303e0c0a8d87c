import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { promisify } from 'node:util'
import { parseName } from '../../src/wire/name.ts'
import { readMasterFile } from '../../src/zone-file/master-file.ts'
import { missingPackages } from '../packages.ts'
import { octetLines } from './octet-lines.ts'
import { readRawZone } from './random/raw-zone.ts'
import { randomZone } from './random/zone.ts'

const ORIGIN = 'example.net.'
const ZONES = 30
/** `FREENET6_SEED=n` runs the zones of a run again that failed. */
const SEED = Number(process.env.FREENET6_SEED ?? Math.floor(Math.random() * 1e9))

const missing = await missingPackages(['named-compilezone', 'ldns-read-zone'])

suite('random zones, each in a random layout', { skip: missing ?? false }, () => {
  let dir: string
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'freenet6-random-'))
  })
  after(() => rmSync(dir, { recursive: true, force: true }))

  for (let zone = 0; zone < ZONES; zone++) {
    const seed = SEED + zone
    test(`named-compilezone reads the same octets, seed ${seed}`, async () => {
      const text = randomZone(seed, 'full')
      assert.deepEqual(ourRecords(text), await namedRecords(text, `named-${zone}`))
    })

    test(`ldns-read-zone reads the same octets, seed ${seed}`, async () => {
      const text = randomZone(seed, 'plain')
      assert.deepEqual(ourRecords(text), await ldnsRecords(text, `ldns-${zone}`))
    })
  }

  async function namedRecords(text: string, name: string): Promise<string[]> {
    const file = written(text, name)
    const out = `${file}.raw`
    const args = ['-q', '-i', 'none', '-k', 'ignore', '-n', 'ignore', '-F', 'raw', '-o', out, ORIGIN, file]
    await promisify(execFile)('named-compilezone', args)
    return octetLines(readRawZone(readFileSync(out)))
  }

  /** ldns writes every type as octets (RFC 3597) when it is told to. */
  async function ldnsRecords(text: string, name: string): Promise<string[]> {
    const file = written(`$ORIGIN ${ORIGIN}\n${text}`, name)
    const { stdout } = await promisify(execFile)('ldns-read-zone', ['-U', 'NULL', file], {
      encoding: 'latin1',
    })
    return ourRecords(stdout)
  }

  function written(text: string, name: string): string {
    const file = join(dir, name)
    writeFileSync(file, text, 'latin1')
    return file
  }
})

function ourRecords(text: string): string[] {
  const origin = parseName(ORIGIN)
  assert.ok(origin)
  const { rrsets, faults } = readMasterFile({ file: 'zone', text: Buffer.from(text, 'latin1'), origin })
  const errors = faults.filter(({ severity }) => severity === 'error') // that a last line has no end is a warning
  assert.deepEqual(
    errors.map(({ line, message }) => `${line}: ${message}`),
    [],
  )
  return octetLines(rrsets)
}
