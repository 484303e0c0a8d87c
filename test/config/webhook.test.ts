import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../src/config/config.ts'

function read(hosts: string, more = '') {
  return parseConfig(`[webhook]\nhosts = ${hosts}\n${more}`, '/srv/freenet6.toml')
}

function mistakesOf(hosts: string): readonly string[] {
  const reading = read(hosts)
  return reading.kind === 'mistakes' ? reading.mistakes : []
}

test('hosts of webhooks are as a URL has them, and there are none unless they are named', () => {
  const reading = read('["NTFY.sh", "ntfy.example.net:8443", "ntfy.example.org:443"]')
  assert.ok(reading.kind === 'config')
  assert.deepEqual(reading.config.webhook.hosts, ['ntfy.sh', 'ntfy.example.net:8443', 'ntfy.example.org'])
  const none = parseConfig('', '/srv/freenet6.toml')
  assert.deepEqual(none.kind === 'config' && none.config.webhook.hosts, [])
})

test('what is no host is named with what is allowed', () => {
  for (const wrong of [
    'https://ntfy.sh',
    'ntfy.sh/topic',
    'a@ntfy.sh',
    'ntfy sh',
    '',
    'ntfy.sh?x',
    'ntfy.sh#x',
    '*.ntfy.sh:x',
  ]) {
    const [mistake = '', ...more] = mistakesOf(JSON.stringify([wrong]))
    assert.match(mistake, /webhook\.hosts.*a host, with a port/, wrong)
    assert.deepEqual(more, [])
  }
})

test('a host that nothing would be posted to is a mistake, but in a laboratory', () => {
  for (const inner of ['localhost', '127.0.0.1:8080', '[::1]:8080', '10.0.0.1', '2130706433']) {
    const hosts = JSON.stringify([inner])
    assert.match(mistakesOf(hosts)[0] ?? '', /a host of the public Internet/, inner)
    assert.equal(read(hosts, '[tunnel]\nallow_special_purpose = true\n').kind, 'config')
  }
  assert.deepEqual(mistakesOf('["9.9.9.9", "[2620:fe::fe]:8443"]'), [])
})
