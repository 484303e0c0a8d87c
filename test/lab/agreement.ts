import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { type Layout, networkOf, readKernel } from './kernel-view.ts'
import { ORIGIN, type Row, SERVER_IPV4 } from './lab-broker.ts'
import { type Narrator, runQuietly } from './narrator.ts'

const QUESTIONS_FILE = '/run/lab/questions'

/** Holds the kernel's interfaces and the names, both ways, against the rows of the table. */
export function compareEverything(narrator: Narrator, layout: Layout, rows: readonly Row[]): void {
  const tunnels = sorted(Array.from(readKernel(layout), words => words.join(' ')))
  const wanted = rows.map(row => `${networkOf(row.IPv6client)} ${row.IPv4client}`)
  assert.deepEqual(tunnels, sorted(wanted), 'kernel = table')
  const names = answers(rows.map(row => `${nameOf(row)} AAAA`))
  assert.deepEqual(names, sorted(rows.map(row => row.IPv6client)), 'AAAA = table')
  const pointers = answers(rows.map(row => `-x ${row.IPv6client}`))
  assert.deepEqual(pointers, sorted(rows.map(row => `${nameOf(row)}.`)), 'PTR = table')
  narrator.tell(
    `${rows.length} rows, ${tunnels.length} tunnels in the kernel, ${names.length} AAAA, ${pointers.length} PTR: they agree.`,
  )
}

function answers(questions: readonly string[]): string[] {
  writeFileSync(QUESTIONS_FILE, `${questions.join('\n')}\n`)
  const { stdout } = runQuietly('client', ['dig', `@${SERVER_IPV4}`, '+short', '-f', QUESTIONS_FILE])
  return sorted(stdout.split('\n').filter(line => line !== ''))
}

function nameOf(row: Row): string {
  return `${row.nicname}.${row.country}.${ORIGIN}`
}

function sorted(lines: readonly string[]): string[] {
  return [...lines].sort()
}
