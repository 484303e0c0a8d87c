import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { cannot } from '../packages.ts'
import { type Server, startServer } from '../spawn.ts'

const LAB = `
[tunnel]
allow_special_purpose = true
foreign_endpoints = true
reachability = "off"
[web]
registrations_per_hour = 0
`
const REGISTRATIONS = 60
const FILLER = Buffer.alloc(8192)
const skip = process.getuid?.() !== 0 && cannot('mounting a small tmpfs takes root')

async function register(server: Server, n: number): Promise<{ status: number; id: string }> {
  const response = await fetch(`${server.web}/api/v1/tunnels`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ipv4: `192.0.2.${n + 10}`, nicname: `n${n}`, country: 'ca', os: 'linux' }),
  })
  return { status: response.status, id: ((await response.json()) as { id: string }).id }
}

async function droppedLines(server: Server): Promise<number> {
  const metrics = await (await fetch(`${server.web}/metrics`)).text()
  return Number(/^freenet6_log_lines_dropped_total (\d+)$/m.exec(metrics)?.[1])
}

function idsIn(server: Server): string[] {
  const table = new DatabaseSync(join(server.dir, 'data', 'freenet6.db'), { readOnly: true })
  const ids = table.prepare('SELECT id FROM tunnels ORDER BY id').all()
  table.close()
  return ids.map(({ id }) => String(id))
}

test('a full log disk drops and counts lines, loses no registration, and is written on once it has room', {
  skip,
}, async () => {
  const disk = mkdtempSync(join(tmpdir(), 'freenet6-log-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', disk])
  const log = openSync(join(disk, 'log'), 'a')
  try {
    writeFileSync(join(disk, 'filler'), FILLER)
    await using server = await startServer({ config: LAB, stderr: log })
    const registered = await Promise.all(Array.from({ length: REGISTRATIONS }, (_, n) => register(server, n)))
    assert.deepEqual(new Set(registered.map(({ status }) => status)), new Set([201]))
    assert.deepEqual(idsIn(server), registered.map(({ id }) => id).sort())
    assert.ok((await droppedLines(server)) > 0)

    rmSync(join(disk, 'filler'))
    const last = await register(server, REGISTRATIONS)
    assert.equal(await server.stop(), 0)
    const lines = readFileSync(join(disk, 'log'), 'utf8').trimEnd().split('\n')
    assert.ok(lines.map(line => JSON.parse(line)).some(({ tunnel }) => tunnel === last.id))
  } finally {
    closeSync(log)
    execFileSync('umount', [disk])
    rmdirSync(disk)
  }
})
