import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Context } from 'koa'
import { SessionCookie } from '../../src/portal/session-cookie.ts'
import { SignIns } from '../../src/portal/sign-in.ts'

const VIEW = { key: 'k', warnings: [] }
const HOUR_MS = 3_600_000
const TWENTY_YEARS_MS = 20 * 365 * 24 * HOUR_MS

/** The part of a context that cookies are made and read with. */
function contextWith(cookie: string): Context & { readonly sent: [string, string, object][] } {
  const sent: [string, string, object][] = []
  const cookies = {
    secure: false,
    set: (name: string, value: string, options: object) => sent.push([name, value, options]),
  }
  return { get: () => cookie, cookies, sent } as unknown as Context & { readonly sent: typeof sent }
}

suite('the session cookie', () => {
  test('is for this host alone, out of reach of scripts; __Host- and Secure behind TLS', () => {
    for (const [secure, name] of [
      [false, 'freenet6'],
      [true, '__Host-freenet6'],
    ] as const) {
      const ctx = contextWith('')
      new SessionCookie({ secure }).send(ctx, 't')
      const options = {
        path: '/',
        httpOnly: true,
        sameSite: 'strict',
        secure,
        maxAge: HOUR_MS,
        signed: false,
      }
      assert.deepEqual(ctx.sent, [[name, 't', options]])
    }
  })

  test('is found among others, and behind one of the same name that somebody planted', () => {
    const cookie = new SessionCookie({ secure: false })
    const [mine, planted] = ['A'.repeat(22), 'B'.repeat(22)]
    const tokens = (header: string) => cookie.tokensIn(contextWith(header))
    assert.deepEqual(tokens(`theme=dark; freenet6=${mine}; lang=en`), [mine])
    assert.deepEqual(tokens(`freenet6=${planted}; freenet6=${mine}`), [planted, mine])
    assert.deepEqual(tokens(`freenet6=; freenet6="x"; freenet6=${mine}`), [mine])
    for (const header of [
      '',
      'freenet6=',
      `freenet6=${mine}x`,
      `notfreenet6=${mine}`,
      `freenet6=${mine.slice(1)}`,
    ])
      assert.deepEqual(tokens(header), [], header)
    assert.ok(tokens(`freenet6=${mine}; `.repeat(5000)).length <= 8)
  })

  test('without its prefix counts for nothing behind TLS', () => {
    const cookie = new SessionCookie({ secure: true })
    assert.deepEqual(cookie.tokensIn(contextWith(`freenet6=${'A'.repeat(22)}`)), [])
  })
})

suite('sign-ins', () => {
  test('a token opens its tunnel, also beside planted ones, and no other tunnel', () => {
    const signIns = new SignIns()
    const token = signIns.open('a')
    assert.ok(signIns.isOpen('a', ['planted', token]))
    assert.ok(!signIns.isOpen('b', [token]))
    assert.ok(!signIns.isOpen('a', []))
    assert.ok(!signIns.isOpen('a', ['A'.repeat(22)]))
  })

  test('every sign-in has a token of its own; deleting the tunnel ends them all', () => {
    const signIns = new SignIns()
    const [one, two, other] = [signIns.open('a'), signIns.open('a'), signIns.open('b')]
    assert.notEqual(one, two)
    signIns.close('a')
    assert.ok(!signIns.isOpen('a', [one, two]))
    assert.ok(signIns.isOpen('b', [other]))
  })

  test('a session lasts an hour', () => {
    let now = 0
    const signIns = new SignIns(() => now)
    const token = signIns.open('a')
    now += HOUR_MS
    assert.ok(signIns.isOpen('a', [token]))
    now += 1
    assert.ok(!signIns.isOpen('a', [token]))
  })

  test('what waits for a page is given once, for its tunnel, within ten minutes', () => {
    let now = 0
    const signIns = new SignIns(() => now)
    const token = signIns.keepFirstView('a', VIEW)
    assert.equal(signIns.takeFirstView('b', token), undefined)
    assert.equal(signIns.takeFirstView('a', ''), undefined)
    assert.equal(signIns.takeFirstView('a', token)?.key, 'k')
    assert.equal(signIns.takeFirstView('a', token), undefined)
    const late = signIns.keepFirstView('a', VIEW)
    now += 600_001
    assert.equal(signIns.takeFirstView('a', late), undefined)
  })

  test('a view that was put back is given again, and waits no longer than it would have', () => {
    let now = 0
    const signIns = new SignIns(() => now)
    const token = signIns.keepFirstView('a', VIEW)
    now += 300_000
    signIns.takeFirstView('a', token)
    signIns.putBack(token)
    assert.equal(signIns.takeFirstView('a', token)?.key, 'k')
    signIns.putBack(token)
    now += 300_001
    assert.equal(signIns.takeFirstView('a', token), undefined)
  })

  test('a view on its way is not put back once its tunnel has a new key, nor once it was sent', () => {
    const signIns = new SignIns()
    const [renewed, sent] = [signIns.keepFirstView('a', VIEW), signIns.keepFirstView('b', VIEW)]
    signIns.takeFirstView('a', renewed)
    signIns.takeFirstView('b', sent)
    signIns.close('a')
    signIns.forgetTaken(sent)
    for (const token of [renewed, sent]) signIns.putBack(token)
    assert.equal(signIns.takeFirstView('a', renewed), undefined)
    assert.equal(signIns.takeFirstView('b', sent), undefined)
  })

  test('a wall clock that jumps by twenty years ends no session and lengthens none', t => {
    t.mock.timers.enable({ apis: ['Date'], now: 1_800_000_000_000 })
    let now = 0
    const signIns = new SignIns(() => now)
    const token = signIns.open('a')
    for (const jump of [TWENTY_YEARS_MS, -TWENTY_YEARS_MS]) {
      t.mock.timers.setTime(1_800_000_000_000 + jump)
      assert.ok(signIns.isOpen('a', [token]))
    }
    now += HOUR_MS + 1
    assert.ok(!signIns.isOpen('a', [token]))
  })

  test('beyond ten thousand the oldest session is dropped, not the newest', () => {
    const signIns = new SignIns()
    const tokens = Array.from({ length: 10_001 }, (_, n) => signIns.open(`t${n}`))
    assert.ok(!signIns.isOpen('t0', tokens))
    assert.ok(signIns.isOpen('t1', tokens))
    assert.ok(signIns.isOpen('t10000', tokens))
  })

  test('beyond eight for one tunnel its own oldest is dropped, nobody else’s', () => {
    const signIns = new SignIns()
    const other = signIns.open('b')
    const tokens = Array.from({ length: 9 }, () => signIns.open('a'))
    assert.deepEqual(
      tokens.map(token => signIns.isOpen('a', [token])),
      [false, ...Array(8).fill(true)],
    )
    assert.ok(signIns.isOpen('b', [other]))
  })
})
