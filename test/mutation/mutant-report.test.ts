import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { livingPlaces, mergeReport, readReport, scoresOf, wholeScore } from './mutant-report.ts'

let dir: string
let file: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-mutant-report-'))
  file = join(dir, 'report.json')
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function mutant(line: number, status: string, replacement = 'false') {
  const location = { start: { line, column: 3 }, end: { line, column: 9 } }
  return { mutatorName: 'ConditionalExpression', replacement, location, status }
}

function report(...mutants: readonly ReturnType<typeof mutant>[]) {
  return { files: { 'src/zone/serial.ts': { mutants } } }
}

test('what lives is told by its places, each once, the columns from 0 on', () => {
  const mutants = [
    mutant(1, 'Killed'),
    mutant(2, 'Survived'),
    mutant(2, 'Survived', 'true'),
    mutant(3, 'NoCoverage'),
  ]
  assert.deepEqual(livingPlaces(report(...mutants)), [
    'src/zone/serial.ts:2:2-2:8',
    'src/zone/serial.ts:3:2-3:8',
  ])
})

test('what other tests have killed since is killed, and what they do not reach is as it was', () => {
  writeFileSync(
    file,
    JSON.stringify(
      report(mutant(1, 'Killed'), mutant(2, 'Survived'), mutant(3, 'Survived'), mutant(4, 'NoCoverage')),
    ),
  )
  mergeReport(
    file,
    report(mutant(1, 'Survived'), mutant(2, 'Killed'), mutant(3, 'NoCoverage'), mutant(4, 'Survived')),
  )
  const statuses = readReport(file)?.files['src/zone/serial.ts']?.mutants.map(({ status }) => status)
  assert.deepEqual(statuses, ['Killed', 'Killed', 'Survived', 'Survived'])
})

test('the score is of all mutants, and of those that a test reaches', () => {
  const whole = report(
    mutant(1, 'Killed'),
    mutant(2, 'Timeout'),
    mutant(3, 'Survived'),
    mutant(4, 'NoCoverage'),
  )
  assert.deepEqual(scoresOf(whole), [['`zone/serial.ts`', '4', '2', '1', '50.0 %', '66.7 %']])
  assert.deepEqual(wholeScore([whole, report(mutant(1, 'Killed'))]), [
    'all',
    '5',
    '3',
    '1',
    '60.0 %',
    '75.0 %',
  ])
})
