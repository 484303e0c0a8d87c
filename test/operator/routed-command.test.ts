import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli, startServer } from '../spawn.ts'

const ROUTED = `
[tunnel]
routed_prefix = "2001:db8:8000::/44"
allow_special_purpose = true
foreign_endpoints = true
reachability = "off"
`

test('a prefix is routed to a tunnel when it is added, or later, and taken back', async () => {
  await using server = await startServer({ config: ROUTED })
  const command = (...words: string[]) =>
    runCli([...words, '--json', '--config', join(server.dir, 'freenet6.toml')])
  const prefixIn = ({ stdout }: { readonly stdout: string }) => JSON.parse(stdout).routed_prefix
  const added = await command('tunnel', 'add', '192.0.2.79', 'alice', 'ca', 'linux', '--routed-prefix')
  assert.equal(prefixIn(added), '2001:db8:8000::/56', added.stdout)
  const change = (what: string) => command('tunnel', 'routed-prefix', 'alice.ca', what)
  assert.equal(prefixIn(await change('take')), undefined)
  assert.equal(prefixIn(await change('give')), '2001:db8:8000:100::/56')
  assert.equal((await change('lend')).code, 2)
  const plain = await command('tunnel', 'add', '192.0.2.80', 'bob', 'ca', 'linux')
  assert.deepEqual([plain.code, prefixIn(plain)], [0, undefined])
})
