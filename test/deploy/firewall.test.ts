import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { schema } from '../../src/config/schema.ts'
import { sourceFilterRules } from '../../src/kernel/source-filter.ts'
import { enterOwnNetwork } from '../own-network.ts'
import { requirePackages } from '../packages.ts'

const FIREWALL = join(import.meta.dirname, '..', '..', 'deploy', 'freenet6.nft')

test('the firewall loads, twice, and leaves the program’s own tables alone', async t => {
  if (!(await requirePackages(t, ['nft']))) return
  const missing = await enterOwnNetwork()
  if (missing !== undefined) return t.skip(missing)
  nft('-f', '-', sourceFilterRules('fn6-'))
  nft('-c', '-f', FIREWALL)
  nft('-f', FIREWALL)
  nft('-f', FIREWALL)
  assert.deepEqual(nft('list', 'tables').trim().split('\n').sort(), [
    'table inet freenet6_host',
    'table ip6 freenet6',
  ])
})

test('the firewall speaks of the devices that the program makes', () => {
  const { tunnel } = schema.parse({})
  assert.ok(readFileSync(FIREWALL, 'utf8').includes(`iifname "${tunnel.device_prefix}*" accept`))
})

function nft(...args: string[]): string {
  const input = args.at(-1) ?? ''
  const isRules = input.includes('\n')
  const { status, stdout, stderr } = spawnSync('nft', isRules ? args.slice(0, -1) : args, {
    encoding: 'utf8',
    ...(isRules && { input }),
  })
  assert.equal(status, 0, stderr)
  return stdout
}
