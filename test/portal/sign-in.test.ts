import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { SignIns } from '../../src/portal/sign-in.ts'

const VIEW = { key: 'k', warnings: [] }
const HOUR_MS = 3_600_000

function cookieOf(setCookie: string): string {
  return setCookie.split(';')[0] ?? ''
}

suite('sign-ins', () => {
  test('the cookie is for this site’s tunnels alone, out of reach of scripts; Secure behind TLS', () => {
    const flags = (setCookie: string) => setCookie.split('; ').slice(1).sort()
    const plain = ['HttpOnly', 'Max-Age=3600', 'Path=/tunnels', 'SameSite=Strict']
    assert.deepEqual(flags(new SignIns({ secure: false }).open('a')), plain)
    assert.deepEqual(flags(new SignIns({ secure: true }).open('a')), [...plain, 'Secure'])
  })

  test('a cookie opens its tunnel, among other cookies too, and no other tunnel', () => {
    const signIns = new SignIns({ secure: false })
    const cookie = cookieOf(signIns.open('a'))
    assert.ok(signIns.isOpen('a', cookie))
    assert.ok(signIns.isOpen('a', `theme=dark; ${cookie}; lang=en`))
    assert.ok(!signIns.isOpen('b', cookie))
  })

  test('no cookie, a cut one, a guessed one or one that only ends in our name opens nothing', () => {
    const signIns = new SignIns({ secure: false })
    const cookie = cookieOf(signIns.open('a'))
    const guess = `freenet6=${'A'.repeat(22)}`
    for (const header of [
      undefined,
      '',
      'freenet6=',
      cookie.slice(0, -1),
      `${cookie}x`,
      guess,
      `not${cookie}`,
    ])
      assert.ok(!signIns.isOpen('a', header), header)
  })

  test('every sign-in has a token of its own, and closing ends that one alone', () => {
    const signIns = new SignIns({ secure: false })
    const [one, two] = [cookieOf(signIns.open('a')), cookieOf(signIns.open('a'))]
    assert.notEqual(one, two)
    signIns.close(one)
    assert.ok(!signIns.isOpen('a', one))
    assert.ok(signIns.isOpen('a', two))
  })

  test('a session lasts an hour', t => {
    t.mock.timers.enable({ apis: ['Date'] })
    const signIns = new SignIns({ secure: false })
    const cookie = cookieOf(signIns.open('a'))
    t.mock.timers.tick(HOUR_MS)
    assert.ok(signIns.isOpen('a', cookie))
    t.mock.timers.tick(1)
    assert.ok(!signIns.isOpen('a', cookie))
  })

  test('what waits for a page is given once, for its tunnel, within ten minutes', t => {
    t.mock.timers.enable({ apis: ['Date'] })
    const signIns = new SignIns({ secure: false })
    const token = signIns.keepFirstView('a', VIEW)
    assert.equal(signIns.takeFirstView('b', token), undefined)
    assert.equal(signIns.takeFirstView('a', ''), undefined)
    assert.equal(signIns.takeFirstView('a', token)?.key, 'k')
    assert.equal(signIns.takeFirstView('a', token), undefined)
    const late = signIns.keepFirstView('a', VIEW)
    t.mock.timers.tick(600_001)
    assert.equal(signIns.takeFirstView('a', late), undefined)
  })

  test('beyond ten thousand the oldest session is dropped, not the newest', () => {
    const signIns = new SignIns({ secure: false })
    const cookies = Array.from({ length: 10_001 }, () => cookieOf(signIns.open('a')))
    assert.ok(!signIns.isOpen('a', cookies[0]))
    assert.ok(signIns.isOpen('a', cookies[1]))
    assert.ok(signIns.isOpen('a', cookies.at(-1)))
  })
})
