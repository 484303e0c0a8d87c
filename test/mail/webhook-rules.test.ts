import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WebhookRules } from '../../src/mail/webhook-rules.ts'

const rules = new WebhookRules({ hosts: ['ntfy.sh', 'ntfy.example.net:8443'], allowHttp: false })

function codeOf(typed: string): string {
  const read = rules.read(typed)
  return read.kind === 'wrong' ? read.problem.code : read.target
}

test('a URL on one of the hosts is taken in its one canonical form', () => {
  assert.equal(codeOf('https://NTFY.sh/topic'), 'https://ntfy.sh/topic')
  assert.equal(codeOf('https://ntfy.sh:443/topic'), 'https://ntfy.sh/topic')
  assert.equal(codeOf('https://ntfy.example.net:8443/a/../b?x=1'), 'https://ntfy.example.net:8443/b?x=1')
})

test('another host, another port, and what only looks like the host is refused', () => {
  for (const other of [
    'https://ntfy.sh.example.org/topic',
    'https://ntfy.sh:8443/topic',
    'https://ntfy.example.net/topic',
    'https://127.0.0.1/topic',
    'https://xntfy.sh/topic',
  ])
    assert.equal(codeOf(other), 'webhook-host', other)
})

test('what is no https URL, or holds a password, is refused', () => {
  for (const wrong of [
    'http://ntfy.sh/topic',
    'ftp://ntfy.sh/topic',
    'file:///etc/passwd',
    'ntfy.sh/topic',
    'https://alice:secret@ntfy.sh/topic',
    'https://ntfy.sh@127.0.0.1/topic',
    'https://ntfy.sh/topic#part',
    `https://ntfy.sh/${'x'.repeat(500)}`,
  ])
    assert.equal(codeOf(wrong), 'webhook-syntax', wrong)
})

test('a laboratory may use http, and no host at all means no URL', () => {
  const lab = new WebhookRules({ hosts: ['127.0.0.1:8080'], allowHttp: true })
  assert.deepEqual(lab.read('http://127.0.0.1:8080/t'), { kind: 'target', target: 'http://127.0.0.1:8080/t' })
  const read = new WebhookRules({ hosts: [], allowHttp: true }).read('https://ntfy.sh/t')
  assert.equal(read.kind === 'wrong' && read.problem.code, 'webhook-none')
})
