/** What becomes of a zone with a wrong record, and of two files for one zone, in the running server. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { ask, type Server, startServer } from '../spawn.ts'

const APEX = '$TTL 60\n@ SOA ns1 hostmaster 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n'

let directory: string
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'freenet6-wrong-'))
  mkdirSync(join(directory, 'zones'))
  write('wrong.example.zone', `${APEX}a A 192.0.2.300\nb A 192.0.2.2\n`)
  write('first.zone', `$ORIGIN twice.example.\n${APEX}`)
  write('second.zone', `$ORIGIN twice.example.\n${APEX}c A 192.0.2.3\n`)
})
after(() => rmSync(directory, { recursive: true, force: true }))

suite('a zone with a wrong record', () => {
  test('is refused, and the log says where', async () => {
    await using server = await serveZones('')
    assert.equal(await rcodeOf(server, 'b.wrong.example'), 'SERVFAIL')
    assert.match(
      server.stderr,
      /wrong\.example\.zone:5:5: error: expected an IPv4 address, found \\"192\.0\.2\.300\\"/,
    )
  })

  test('is served without it where the operator says so, and the log names the record', async () => {
    await using server = await serveZones('[zones]\non_error = "skip-record"\n')
    assert.equal(await rcodeOf(server, 'b.wrong.example'), 'NOERROR')
    assert.equal(await rcodeOf(server, 'a.wrong.example'), 'NXDOMAIN')
    assert.match(server.stderr, /wrong\.example\.zone:5:5: skipped: expected an IPv4 address/)
  })
})

test('of two files for one zone the first is served, and the log names both', async () => {
  await using server = await serveZones('')
  assert.equal(await rcodeOf(server, 'ns1.twice.example'), 'NOERROR')
  assert.equal(await rcodeOf(server, 'c.twice.example'), 'NXDOMAIN')
  assert.match(
    server.stderr,
    /second\.zone:0:0: error: gives the zone twice\.example\., and so does .*first\.zone/,
  )
})

function write(name: string, text: string): void {
  writeFileSync(join(directory, 'zones', name), text)
}

function serveZones(config: string): Promise<Server> {
  return startServer({ config: `zones_dir = "${join(directory, 'zones')}"\n${config}` })
}

async function rcodeOf(server: Server, name: string): Promise<string> {
  return (await ask(server.endpoint(), name, 'A')).rcode
}
