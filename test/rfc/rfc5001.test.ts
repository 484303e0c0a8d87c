import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Nameserver } from '../../src/engine/nameserver.ts'
import { ask, catalogOf, serve } from '../engine/zones.ts'

const ZONE = 'example. 300 IN SOA ns.example. host.example. 1 2 3 4 60\nexample. 300 IN NS ns.example.'
const ASKS_NSID = { edns: 1232, options: Uint8Array.of(0, 3, 0, 0) }

test('2.2: the NSID is sent to who asks for it, in denials and refusals too', () => {
  const nameserver = serve(ZONE)
  for (const name of ['example.', 'no.example.', 'elsewhere.']) {
    assert.deepEqual(ask(nameserver, name, 'SOA', ASKS_NSID).opt?.options.get(3), Buffer.from('test-1'))
  }
})

test('2.2: who does not ask gets none', () => {
  assert.equal(ask(serve(ZONE), 'example.', 'SOA', { edns: 1232 }).opt?.options.has(3), false)
})

test('a server without an identity sends none', () => {
  const nameserver = new Nameserver({ catalog: catalogOf(ZONE), nsid: '', version: '', hostname: '' })
  assert.equal(ask(nameserver, 'example.', 'SOA', ASKS_NSID).opt?.options.size, 0)
})
