/** What the tools print: taken for what it says or for trouble, never a throw, and trouble is told in one line. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { fpingVerdicts } from '../../src/echo/fping-prober.ts'
import { pingVerdict } from '../../src/echo/ping-prober.ts'
import { runBatch } from '../../src/kernel/ip-batch.ts'
import type { RunIp } from '../../src/kernel/ip-command.ts'
import { listLinks } from '../../src/kernel/kernel-link.ts'
import type { ChildOutcome } from '../../src/shared/child.ts'
import { changedText, changes, fuzz } from './fuzz.ts'

const ADDRESSES = ['192.0.2.1', '192.0.2.2', '2001:db8::1', 'constructor']
const FPING = `192.0.2.1 is alive (0.04 ms)
192.0.2.2 is unreachable
2001:db8::1 is alive (12.3 ms)
ICMP Host Unreachable from 192.0.2.9 for ICMP Echo sent to 192.0.2.2
constructor is alive (1 ms)
`
const PING = `PING 192.0.2.1 (192.0.2.1) 56(84) bytes of data.
64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=0.021 ms

--- 192.0.2.1 ping statistics ---
1 packets transmitted, 1 received, 0% packet loss, time 0ms
rtt min/avg/max/mdev = 0.021/0.021/0.021/0.000 ms
`
const LINK = {
  ifname: 'fn6-1',
  flags: ['POINTOPOINT', 'NOARP', 'UP', 'LOWER_UP'],
  mtu: 1480,
  linkinfo: { info_kind: 'sit', info_data: { remote: '198.51.100.7', local: '192.0.2.1', ttl: 64 } },
  addr_info: [{ family: 'inet6', local: '2001:db8:f6:1::1', prefixlen: 64, scope: 'global' }],
}
const BATCH = `RTNETLINK answers: File exists
Command failed -:1
Error: inet6 prefix is expected rather than "x".
Command failed -:3
`

const junk = fc.string({ unit: 'binary', maxLength: 200 })
const junkLines = fc.array(
  fc.constantFrom(...FPING.split('\n'), ...PING.split('\n'), ...BATCH.split('\n'), '  '),
  {
    maxLength: 12,
  },
)
const printed = (good: string) =>
  fc.oneof(
    changes.map(list => changedText(good, list)),
    junkLines.map(lines => lines.join('\n')),
    junk,
  )
const outcome = (good: string): fc.Arbitrary<ChildOutcome> =>
  fc.record({
    end: fc.constantFrom('exit', 'exit', 'exit', 'deadline', 'overflow'),
    code: fc.constantFrom(0, 0, 1, 2, 3, 127, null),
    stdout: printed(good),
    stderr: fc.oneof(fc.constant(''), junk),
  })

fuzz(
  'fping: answered and silent are only those of which it says so; of all others nothing is known',
  fc.property(outcome(FPING), outcome => {
    const verdicts = fpingVerdicts(outcome, ADDRESSES)
    assert.deepEqual([...verdicts.keys()], ADDRESSES)
    const says = (words: string) => outcome.stdout.split('\n').some(line => line.startsWith(words))
    for (const [address, verdict] of verdicts) {
      if (verdict.kind === 'answered') assert.ok(says(`${address} is alive (`) && verdict.rttMs >= 0)
      else if (verdict.kind === 'silent') assert.ok(says(`${address} is unreachable`))
      else assertOneLine(verdict.reason)
    }
  }),
)

fuzz(
  'ping: answered only where it ended well and says so, silent only where it says that it sent',
  fc.property(outcome(PING), outcome => {
    const config = { numeric: true, timeout: 1, min_reply: 1, v6: false, extra: [] }
    const verdict = pingVerdict(outcome, '192.0.2.1', config)
    if (verdict.kind === 'answered') assert.ok(outcome.end === 'exit' && outcome.code === 0)
    else if (verdict.kind === 'silent') assert.match(outcome.stdout, /^1 packets transmitted, 0 received/m)
    else assertOneLine(verdict.reason)
  }),
)

/** A value of any kind, objects with the names that every object has among them. */
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom({ toString: 1, valueOf: 1 }, { constructor: null }, JSON.parse('{"__proto__":[]}'), [[]]),
)
const oddLink = fc
  .record({ name: fc.constantFrom(...Object.keys(LINK)), value })
  .map(({ name, value }) => ({ ...LINK, [name]: value }))
const oddPart = value.map(odd => ({
  ...LINK,
  linkinfo: { info_kind: 'sit', info_data: { remote: odd, local: odd, ttl: odd } },
  addr_info: [{ family: 'inet6', local: odd, prefixlen: odd, scope: 'global' }, odd],
}))
const listing = fc.oneof(
  fc.array(fc.oneof(oddLink, oddPart, value), { maxLength: 4 }).map(links => JSON.stringify(links)),
  changes.map(list => changedText(JSON.stringify([LINK, LINK]), list)),
  fc.json(),
  junk,
)

fuzz(
  'ip -json: devices of ours with what they are, or one reason why not',
  fc.asyncProperty(listing, fc.constantFrom(0, 0, 1, -1), printed(BATCH), async (stdout, status, stderr) => {
    const found = await listLinks(saying({ status, stdout, stderr }), 'fn6-')
    if (found.kind === 'failed') {
      assertOneLine(found.reason)
      return
    }
    assert.equal(status, 0)
    for (const [name, link] of found.links) {
      assert.ok(name === link.device && name.startsWith('fn6-'))
      assert.ok(link.addresses.every(address => typeof address === 'string'))
    }
  }),
)

fuzz(
  'ip -batch: a reason of one line for each line that failed',
  fc.asyncProperty(printed(BATCH), fc.constantFrom(0, 1, -1), async (stderr, status) => {
    const { faults, trouble } = await runBatch(saying({ status, stdout: '', stderr }), ['a', 'b', 'c'])
    for (const [line, reason] of faults) {
      assert.ok(Number.isInteger(line))
      assertOneLine(reason)
    }
    if (trouble !== undefined) assertOneLine(trouble)
    if (status !== 0) assert.ok(trouble !== undefined || faults.size > 0)
  }),
)

function saying(outcome: { status: number; stdout: string; stderr: string }): RunIp {
  return async () => outcome
}

function assertOneLine(words: string): void {
  assert.match(words, /^[^\n]+$/)
  assert.ok(words.length <= 300)
}
