import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parseName } from '../../src/wire/name.ts'
import type { Rrset } from '../../src/zone/rrset.ts'
import { readMasterFile } from '../../src/zone-file/master-file.ts'
import { readRawZone } from './random/raw-zone.ts'

/** Debian's programs that read a zone and say what is in it, and kzonecheck, which says only whether it is one. */
export const READERS = ['named', 'nsd', 'ldns', 'knot'] as const
export type Reader = (typeof READERS)[number]
/** What a reader made of a zone: its rrsets, or that it takes it, or that it does not. */
type Reading = readonly Rrset[] | 'taken' | 'refused'

const ORIGIN = 'example.net.'
const run = promisify(execFile)

/** Reads a zone of example.net with one of them. */
export async function readWith(reader: Reader, text: string | Uint8Array): Promise<Reading> {
  const directory = mkdtempSync(join(tmpdir(), 'freenet6-reader-'))
  const file = join(directory, 'zone')
  writeFileSync(file, text, 'latin1')
  try {
    return await PROGRAMS[reader](file)
  } catch {
    return 'refused'
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const PROGRAMS: Readonly<Record<Reader, (file: string) => Promise<Reading>>> = {
  async named(file) {
    const checks = ['-i', 'none', '-k', 'ignore', '-n', 'ignore', '-r', 'ignore']
    const out = `${file}.raw`
    await run('named-compilezone', ['-q', ...checks, '-F', 'raw', '-o', out, ORIGIN, file])
    return readRawZone(readFileSync(out))
  },
  async nsd(file) {
    const { stdout } = await run('nsd-checkzone', ['-p', ORIGIN, file], { encoding: 'latin1' })
    return ownReading(stdout)
  },
  async ldns(file) {
    const { stdout } = await run('ldns-read-zone', ['-U', 'NULL', file], { encoding: 'latin1' })
    return ownReading(stdout)
  },
  async knot(file) {
    await run('kzonecheck', ['-o', ORIGIN, file])
    return 'taken'
  },
}

/** Reads a zone of example.net with our own reader; throws where it has an error. */
export function ownReading(text: string | Uint8Array): readonly Rrset[] {
  const origin = parseName(ORIGIN)
  if (origin === undefined) throw new Error('no origin')
  const octets = typeof text === 'string' ? Buffer.from(text, 'latin1') : text
  const { rrsets, faults } = readMasterFile({ file: 'zone', text: octets, origin })
  const error = faults.find(({ severity }) => severity === 'error')
  if (error !== undefined) throw new Error(`${error.line}:${error.column}: ${error.message}`)
  return rrsets
}
