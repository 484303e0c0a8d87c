import assert from 'node:assert/strict'
import { test } from 'node:test'
import { putPacketRules } from '../../../src/kind/wireguard/packet-rules.ts'

const OF = { device: 'fn6-wg', pools: ['2001:db8:f6::/48', '2001:db8:8000::/36'] }

/** An nft that lists a table as it was put, but for the last line that has these words. */
async function listedWithout(words: string | undefined) {
  const inputs: string[] = []
  const run = async (args: readonly string[], input = '') => {
    if (args[0] === '-f') inputs.push(input)
    const rules = (inputs[0] ?? '').split('\n')
    const lost = words === undefined ? -1 : rules.findLastIndex(rule => rule.includes(words))
    return {
      status: inputs.length === 0 ? 1 : 0,
      stdout: rules.toSpliced(lost, lost < 0 ? 0 : 1).join('\n'),
      stderr: '',
    }
  }
  assert.equal(await putPacketRules(run, OF), undefined)
  assert.equal(await putPacketRules(run, OF), undefined)
  return inputs
}

test('what goes to an address that no tunnel has is answered ‘address unreachable’, in each pool', async () => {
  const [rules = ''] = await listedWithout(undefined)
  for (const pool of OF.pools)
    assert.match(
      rules,
      new RegExp(`unused ip6 daddr ${pool} fib daddr type unreachable reject with icmpv6 addr-unreachable\n`),
    )
})

test('rules that stand are left, and one that is gone is put again', async () => {
  assert.equal((await listedWithout(undefined)).length, 1)
  for (const words of ['oifname "fn6-wg" tcp', 'hoplimit', OF.pools[1]])
    assert.equal((await listedWithout(words)).length, 2, words)
})

test('where a kernel can not refuse what comes in the other rules are put all the same', async () => {
  const put: string[] = []
  const run = async (args: readonly string[], input = '') => {
    if (args[0] !== '-f') return { status: 1, stdout: '', stderr: '' }
    const isRefused = input.includes('reject')
    if (!isRefused) put.push(input)
    return {
      status: isRefused ? 1 : 0,
      stdout: '',
      stderr: isRefused ? 'Error: Operation not supported' : '',
    }
  }
  const fault = await putPacketRules(run, OF)
  assert.match(fault?.reason ?? '', /^WireGuard’s unused addresses .*Operation not supported/)
  assert.match(put[0] ?? '', /maxseg size set rt mtu[\s\S]*hoplimit set 16/)
})
