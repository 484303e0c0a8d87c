import assert from 'node:assert/strict'
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { ask, type Server, startServer } from '../spawn.ts'
import { codeOf, LAB, register } from './visitors.ts'

async function health(server: Server): Promise<{ status: number; reasons: string }> {
  const response = await fetch(`${server.web}/healthz`)
  const { reasons = [] } = (await response.json()) as { reasons?: string[] }
  return { status: response.status, reasons: reasons.join('\n') }
}

function database(server: Server): string {
  return join(server.dir, 'data', 'freenet6.db')
}

test('while another program holds the lock, a visitor is told when to come back and TCP is answered', async () => {
  await using server = await startServer({ config: LAB })
  const shell = new DatabaseSync(database(server))
  shell.exec('BEGIN EXCLUSIVE')
  let refusal: Response | undefined
  const registering = register(server, 1).then(response => {
    refusal = response
  })
  let answered = 0
  while (refusal === undefined) {
    const { rcode } = await ask(server.endpoint(), 'freenet6.net', 'SOA', { tcp: true })
    if (rcode === 'NOERROR') answered++
  }
  await registering
  assert.equal(refusal.status, 503)
  assert.equal(await codeOf(refusal), 'storage-busy')
  assert.equal(refusal.headers.get('retry-after'), '5')
  // One after the other while the registration waited: an event loop that stands still answers one or two.
  assert.ok(answered > 10, `${answered} answers over TCP`)
  shell.exec('COMMIT')
  shell.close()
  assert.equal((await register(server, 2)).status, 201)
})

test('a database that is taken away turns the health red, and writes and pages say so', async () => {
  await using server = await startServer({ config: LAB })
  assert.equal((await register(server, 1)).status, 201)
  renameSync(database(server), `${database(server)}.away`)
  const refusal = await register(server, 2)
  assert.equal(refusal.status, 503)
  assert.equal(await codeOf(refusal), 'storage-fault')
  assert.equal(refusal.headers.get('retry-after'), '60')
  const { status, reasons } = await health(server)
  assert.equal(status, 503)
  assert.match(reasons, /storage-fault: .*freenet6\.db was removed/)
  assert.equal((await ask(server.endpoint(), 'freenet6.net', 'SOA')).rcode, 'NOERROR')
})
