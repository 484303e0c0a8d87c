import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { DEVICE_PREFIX, ORIGIN, type Row, SERVER_IPV4 } from './lab-broker.ts'
import { type Narrator, runQuietly } from './narrator.ts'

const QUESTIONS_FILE = '/run/lab/questions'

/** Holds the kernel's interfaces and the names, both ways, against the rows of the table. */
export function compareEverything(narrator: Narrator, rows: readonly Row[]): void {
  const devices = readDevices()
  assert.deepEqual(devices, sorted(rows.map(row => `${row.device} ${row.IPv4client}`)), 'kernel = table')
  const names = answers(rows.map(row => `${nameOf(row)} AAAA`))
  assert.deepEqual(names, sorted(rows.map(row => row.IPv6client)), 'AAAA = table')
  const pointers = answers(rows.map(row => `-x ${row.IPv6client}`))
  assert.deepEqual(pointers, sorted(rows.map(row => `${nameOf(row)}.`)), 'PTR = table')
  narrator.tell(
    `${rows.length} rows, ${devices.length} interfaces, ${names.length} AAAA, ${pointers.length} PTR: they agree.`,
  )
}

/** Every tunnel interface of the broker's, with its remote end. */
function readDevices(): string[] {
  const { stdout } = runQuietly('broker', ['ip', '-j', '-d', 'link', 'show', 'type', 'sit'])
  const links: { ifname: string; linkinfo: { info_data: { remote: string } } }[] = JSON.parse(stdout)
  const ours = links.filter(({ ifname }) => ifname.startsWith(DEVICE_PREFIX))
  return sorted(ours.map(({ ifname, linkinfo }) => `${ifname} ${linkinfo.info_data.remote}`))
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
