import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseName } from '../../src/wire/name.ts'
import { soaMailbox } from '../../src/zone/soa-mailbox.ts'

function mailboxOf(name: string): string | undefined {
  const names = ['ns1.example.net.', name].map(text => parseName(text) ?? assert.fail(text))
  return soaMailbox(Buffer.concat([...names, Buffer.alloc(20)]))
}

test('a SOA’s mailbox is written as mail programs write it (RFC 1035 8)', () => {
  assert.equal(mailboxOf('hostmaster.example.net.'), 'hostmaster@example.net')
  assert.equal(mailboxOf('john\\.doe.example.net.'), 'john.doe@example.net')
  assert.equal(mailboxOf('.'), undefined)
  assert.equal(mailboxOf('hostmaster.'), undefined) // no domain to write to
})
