/** Zones as nameservers and providers export them, made up in their style: read octet for octet as named reads them. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, test } from 'node:test'
import { loadZoneFile } from '../../src/zone-file/zone-file.ts'
import { missingPackages } from '../packages.ts'
import { nameOf } from '../zone/zone-text.ts'
import { octetLines } from './octet-lines.ts'
import { readWith } from './zone-readers.ts'

const CORPUS = join(import.meta.dirname, '../corpus/import')

const missing = await missingPackages(['named-compilezone'])

describe('a zone is read as named reads it, exported by', { skip: missing ?? false }, () => {
  for (const name of readdirSync(CORPUS)) {
    test(basename(name, '.zone'), async () => {
      const file = join(CORPUS, name)
      const { rrsets, faults } = loadZoneFile(file, { origin: nameOf('example.net.') })
      assert.deepEqual(
        faults.filter(({ severity }) => severity === 'error'),
        [],
      )
      const theirs = await readWith('named', readFileSync(file))
      assert.ok(typeof theirs !== 'string')
      assert.deepEqual(octetLines(rrsets), octetLines(theirs))
    })
  }
})
