/** What is read of StrykerJS's report in JSON. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

interface Position {
  /** From 1 on. */
  readonly line: number
  readonly column: number
}

interface Mutant {
  readonly mutatorName: string
  readonly replacement?: string
  readonly location: { readonly start: Position; readonly end: Position }
  status: string
}

/** By the file's path in the project. */
interface Report {
  readonly files: Readonly<Record<string, { readonly mutants: readonly Mutant[] }>>
}

const LIVING = ['Survived', 'NoCoverage']

export function readReport(file: string): Report | undefined {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

/** The places of the mutants that no test has killed, as StrykerJS is told what to mutate. */
export function livingPlaces({ files }: Report): readonly string[] {
  const places = Object.entries(files).flatMap(([file, { mutants }]) =>
    mutants
      .filter(({ status }) => LIVING.includes(status))
      .map(({ location: { start, end } }) => {
        const [from, to] = [start, end].map(({ line, column }) => `${line}:${column - 1}`)
        return `${file}:${from}-${to}`
      }),
  )
  return [...new Set(places)]
}

/** Writes down what became of mutants that lived, where other tests have been run on them since. */
export function mergeReport(file: string, later: Report): void {
  const report = readReport(file)
  if (report === undefined) return
  for (const [path, { mutants }] of Object.entries(report.files)) {
    const known = new Map(later.files[path]?.mutants.map(mutant => [keyOf(mutant), mutant.status]))
    for (const mutant of mutants.filter(({ status }) => LIVING.includes(status))) {
      const status = known.get(keyOf(mutant)) ?? mutant.status
      // One that other tests do not reach has survived those that do.
      mutant.status = status === 'NoCoverage' ? mutant.status : status
    }
  }
  writeFileSync(file, JSON.stringify(report))
}

/**
 * The cells of a row for each file: its name, its mutants, how many are killed, how many of those by the time that they
 * took, and which part of all that is, and of those that a test reaches.
 */
export function scoresOf({ files }: Report): readonly (readonly string[])[] {
  return Object.entries(files).map(([file, { mutants }]) => {
    const count = (...statuses: readonly string[]) =>
      mutants.filter(({ status }) => statuses.includes(status)).length
    const endless = count('Timeout')
    const killed = count('Killed') + endless
    const reached = killed + count('Survived')
    const all = reached + count('NoCoverage')
    const name = file.replace(/^src\//, '')
    return [
      `\`${name}\``,
      `${all}`,
      `${killed}`,
      `${endless}`,
      percent(killed, all),
      percent(killed, reached),
    ]
  })
}

/** The same for all files together. */
export function wholeScore(reports: readonly Report[]): readonly string[] {
  const mutants = reports.flatMap(({ files }) => Object.values(files).flatMap(one => one.mutants))
  const [, ...cells] = scoresOf({ files: { all: { mutants } } })[0] ?? []
  return ['all', ...cells]
}

function keyOf({ mutatorName, replacement = '', location: { start, end } }: Mutant): string {
  return [mutatorName, replacement, start.line, start.column, end.line, end.column].join('\0')
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '' : `${((100 * part) / whole).toFixed(1)} %`
}
