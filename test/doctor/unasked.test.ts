import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli, type Server, startServer } from '../spawn.ts'

/** What the doctor finds where the process can't be asked. */
async function found(server: Server): Promise<readonly { code: string; what: string; mend: string }[]> {
  const { code, stdout } = await runCli(['doctor', '--json', '--config', join(server.dir, 'freenet6.toml')])
  assert.equal(code, 1)
  return JSON.parse(stdout).findings
}

test('a process whose socket is gone runs, and is named', async () => {
  await using server = await startServer()
  const socket = join(server.dir, 'data', 'control.sock')
  rmSync(socket)
  const [{ code, what, mend } = assert.fail('nothing is found'), ...others] = await found(server)
  assert.deepEqual([code, others.length], ['socket-gone', 0])
  assert.equal(what, `process ${server.pid} has the database, and nothing listens on ${socket}`)
  assert.match(mend, new RegExp(`ps -o cmd ${server.pid}\\b.*systemctl restart freenet6`))
})
