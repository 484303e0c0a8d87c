import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noBatches } from '../listen/batch-listener.ts'
import { ask, startServer } from '../spawn.ts'

const SLOWER = 'no batched system calls here: UDP is answered by the main thread, slower'

/** Makes the program find no koffi, as where it could not be installed. */
const WITHOUT_KOFFI = `--import=data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module'
  registerHooks({ resolve(name, context, next) {
    if (name === 'koffi') throw new Error('koffi is not installed')
    return next(name, context)
  } })
`)}`

test('without koffi UDP is answered all the same, and one line of the log says how', async () => {
  await using server = await startServer({ env: { NODE_OPTIONS: WITHOUT_KOFFI } })
  for (const endpoint of server.dns)
    assert.equal((await ask(endpoint, 'freenet6.net', 'SOA')).rcode, 'NOERROR')
  assert.equal(server.stderr.split(SLOWER).length, 2)
  assert.equal(await server.stop(), 0)
})

test('with koffi UDP is answered by threads of its own', { skip: noBatches }, async () => {
  await using server = await startServer({ config: '[dns]\nthreads = 3\n' })
  for (const endpoint of server.dns)
    assert.equal((await ask(endpoint, 'freenet6.net', 'SOA')).rcode, 'NOERROR')
  assert.ok(!server.stderr.includes(SLOWER))
  assert.equal(await server.stop(), 0)
})
