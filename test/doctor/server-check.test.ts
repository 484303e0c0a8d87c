import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Consult, Question, Reply } from '../../src/doctor/consult.ts'
import { checkServer } from '../../src/doctor/server-check.ts'

const SERVER = { address: '192.0.2.53', port: 53 }
const OWN = { name: 'z.test', serial: 7, servers: new Map([['ns.z.test', ['192.0.2.1']]]) }
const SILENT = { kind: 'silent', reason: 'no reply within 2000 ms' } as const

function reply(more: Partial<Reply>): Reply {
  const nothing = { answer: [], authority: [], additional: [] }
  const flags = { isAuthoritative: true, isTruncated: false, hasOpt: true }
  return { kind: 'reply', rcode: 'NOERROR', ...flags, ...nothing, ...more }
}

/** What a server says that has all as it is here. */
function whole({ type }: Question): Reply {
  return reply({ answer: [{ owner: 'z.test', type, text: type === 'SOA' ? '7' : 'ns.z.test' }] })
}

async function codesOf(
  answer: (question: Question) => ReturnType<Consult> | Reply,
): Promise<readonly string[]> {
  const { findings } = await checkServer(SERVER, OWN, {
    consult: async (_, question) => answer(question),
    patienceMs: 0,
    mayTransfer: () => true,
    expectations: [{ name: 'z.test', type: 'AAAA', text: 'ns.z.test' }],
    serialNow: async () => 7,
  })
  return findings.map(({ code }) => code)
}

test('a server that has all as it is here is sound', async () => {
  assert.deepEqual(await codesOf(whole), [])
})

test('one that truncates what it says over UDP, as under a rate limit, is asked over TCP', async () => {
  const answer = (question: Question) =>
    question.transport === 'udp' ? reply({ isTruncated: true }) : whole(question)
  assert.deepEqual(await codesOf(answer), [])
})

test('one that truncates and has no TCP is not lame for that', async () => {
  const answer = ({ transport }: Question) => (transport === 'udp' ? reply({ isTruncated: true }) : SILENT)
  assert.ok(!(await codesOf(async question => answer(question))).includes('lame'))
})

test('silence after the first answers is silence, and no other serial, server or name', async () => {
  let asked = 0
  const answer = async (question: Question) =>
    question.transport === 'udp' && !question.edns && ++asked > 1 ? SILENT : whole(question)
  assert.deepEqual(await codesOf(answer), ['no-udp'])
})

test('a refusal after the first answers is no other serial, server or name either', async () => {
  let asked = 0
  const answer = (question: Question) =>
    question.transport === 'udp' && !question.edns && ++asked > 1
      ? reply({ rcode: 'SERVFAIL' })
      : whole(question)
  assert.deepEqual(await codesOf(answer), ['refused'])
})
