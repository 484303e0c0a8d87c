import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isGlobalUnicast } from '../../src/address/unicast.ts'

test('addresses that hosts on the public Internet have are told from all others', () => {
  for (const text of ['9.9.9.9', '198.41.0.4', '2620:fe::fe', '2a00:1450:4001::1'])
    assert.ok(isGlobalUnicast(text), text)
  const others = ['127.0.0.1', '10.1.2.3', '100.64.0.1', '169.254.169.254', '224.0.0.1', '255.255.255.255']
  const others6 = [
    '::',
    '::1',
    '::ffff:9.9.9.9',
    'fe80::1',
    'fd00::1',
    'ff02::1',
    '64:ff9b::909:909',
    '2001:db8::1',
  ]
  for (const text of [...others, ...others6, '2002:909:909::1', '2001::1', 'ntfy.sh', '', 'fe80::1%eth0'])
    assert.ok(!isGlobalUnicast(text), text)
})
