import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressOctets, type Prefix, parsePrefix } from '../../src/address/prefix.ts'
import { guessSystem } from '../../src/portal/guess-system.ts'
import { OperatingSystems } from '../../src/portal/operating-systems.ts'
import { outlookOf } from '../../src/portal/outlook.ts'

const TUNNELS: readonly Prefix[] = ['2001:db8:f6::/48', '2001:db8:8000::/34'].map(
  text => parsePrefix(text) ?? assert.fail('a prefix'),
)
const IDS = OperatingSystems.load().ids

for (const [address, outlook] of [
  ['8.8.8.8', 'public'],
  ['192.168.1.7', 'private'],
  ['10.0.0.1', 'private'],
  ['100.64.0.9', 'shared'],
  ['127.0.0.1', 'loopback'],
  ['192.0.2.9', 'special'],
  ['169.254.0.9', 'special'],
  ['2001:db8:f6:7::2', 'tunnel'],
  ['2001:db8:8000:107::2', 'tunnel'],
  ['2a00:1450::1', 'ipv6'],
  ['::1', 'loopback'],
  ['', 'unknown'],
] as const) {
  test(`from ${address || 'nowhere'} the outlook is ${outlook}`, () => {
    const family = addressOctets(address)?.length === 16 ? 6 : 4
    const visitor = { address, family, source: 'connection' } as const
    assert.equal(outlookOf(visitor, { tunnels: TUNNELS, offered: ['sit'] }), outlook)
    const isBehindNat = outlook === 'private' || outlook === 'shared'
    const withWireguard = outlookOf(visitor, { tunnels: TUNNELS, offered: ['sit', 'wireguard'] })
    assert.equal(withWireguard, isBehindNat ? 'nat' : outlook)
  })
}

for (const [agent, system] of [
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0', 'windows'],
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1.15', 'macos'],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'linux'],
  ['Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'networkmanager'],
  ['Mozilla/5.0 (X11; Fedora; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'networkmanager'],
  ['Mozilla/5.0 (X11; FreeBSD amd64; rv:140.0) Gecko/20100101 Firefox/140.0', 'freebsd'],
  ['Mozilla/5.0 (X11; OpenBSD amd64; rv:140.0) Gecko/20100101 Firefox/140.0', 'openbsd'],
  ['Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/140.0', undefined],
  ['curl/8.14.1', undefined],
  ['', undefined],
] as const) {
  test(`${agent.slice(0, 40) || 'no User-Agent'} means ${system ?? 'no system'}`, () => {
    assert.equal(guessSystem(agent, IDS), system)
  })
}

test('a phone is taken for no desktop, and for itself if there is a script for it', () => {
  const android = 'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/140.0 Mobile'
  const iphone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile'
  for (const agent of [android, iphone]) assert.equal(guessSystem(agent, ['linux', 'macos']), undefined)
  assert.equal(guessSystem(android, ['linux', 'android']), 'android')
  assert.equal(guessSystem(iphone, ['macos', 'ios']), 'ios')
})
