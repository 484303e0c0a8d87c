import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { parsePrefix } from '../../src/address/prefix.ts'
import { BoundedLimiter } from '../../src/registration/bounded-limiter.ts'
import { Customers } from '../../src/registration/customers.ts'
import { VisitorLimits } from '../../src/registration/limits.ts'
import type { VisitorAddress } from '../../src/registration/visitor.ts'
import type { Problem } from '../../src/shared/problem.ts'

const VISITOR: VisitorAddress = { address: '198.51.100.7', family: 4, source: 'connection' }
const OTHER: VisitorAddress = { ...VISITOR, address: '198.51.100.8' }

/** The code of a refusal that says when to come back. */
function codeOf(problem: Problem | undefined): string | undefined {
  if (problem !== undefined) assert.ok(Number(problem.params.seconds) > 0)
  return problem?.code
}

suite('limits', () => {
  test('a visitor registers as often as the configuration says, another one is not concerned', () => {
    const limits = new VisitorLimits(2, new Customers([]))
    assert.equal(limits.takeRegistration(VISITOR), undefined)
    assert.equal(limits.takeRegistration(VISITOR), undefined)
    assert.equal(codeOf(limits.takeRegistration(VISITOR)), 'quota-exceeded')
    assert.equal(limits.takeRegistration(OTHER), undefined)
  })

  test('a new tunnel brings no registrations with it, and wrong keys through it are its owner’s alone', () => {
    const prefix = parsePrefix('2001:db8::/32') ?? assert.fail()
    const limits = new VisitorLimits(1, new Customers([{ prefix, length: 64 }]))
    const [one, other] = (['2001:db8:1:1::2', '2001:db8:1:2::2'] as const).map(
      (address): VisitorAddress => ({ address, family: 6, source: 'connection' }),
    )
    assert.ok(one !== undefined && other !== undefined)
    assert.equal(limits.takeRegistration(one), undefined)
    assert.equal(codeOf(limits.takeRegistration(other)), 'quota-exceeded')
    for (let n = 0; n < 21; n++) limits.takeWrongKey(one)
    assert.equal(limits.takeWrongKey(other), undefined)
  })

  test('a registration that was given back may be made again', () => {
    const limits = new VisitorLimits(1, new Customers([]))
    limits.takeRegistration(VISITOR)
    limits.giveRegistrationBack(VISITOR)
    assert.equal(limits.takeRegistration(VISITOR), undefined)
    assert.equal(codeOf(limits.takeRegistration(VISITOR)), 'quota-exceeded')
  })

  test('0 limits neither registrations nor refusals', () => {
    const limits = new VisitorLimits(0, new Customers([]))
    for (let n = 0; n < 200; n++) {
      assert.equal(limits.takeRegistration(VISITOR), undefined)
      assert.equal(limits.takeRefusal(VISITOR), undefined)
    }
  })

  test('twenty wrong keys in a minute are the last that are looked at', () => {
    const limits = new VisitorLimits(0, new Customers([]))
    for (let n = 0; n < 20; n++) assert.equal(limits.takeWrongKey(VISITOR), undefined)
    assert.equal(codeOf(limits.takeWrongKey(VISITOR)), 'too-many-requests')
    assert.equal(limits.takeWrongKey(OTHER), undefined)
  })

  test('the addresses of one IPv6 customer count as one', () => {
    const limits = new VisitorLimits(1, new Customers([]))
    const ipv6 = (address: string) => ({ address, family: 6, source: 'connection' }) as const
    limits.takeRegistration(ipv6('2001:db8:0:1::1'))
    assert.equal(codeOf(limits.takeRegistration(ipv6('2001:db8:0:ff::2'))), 'quota-exceeded')
    assert.equal(limits.takeRegistration(ipv6('2001:db8:0:100::1')), undefined)
  })

  test('a point comes back when its window is over, whatever the wall clock says', t => {
    t.mock.timers.enable({ apis: ['Date'], now: 1_800_000_000_000 })
    let now = 0
    const limiter = new BoundedLimiter({ points: 1, seconds: 60, now: () => now })
    assert.equal(limiter.take('a'), undefined)
    for (const year of [2005, 2046]) {
      t.mock.timers.setTime(Date.UTC(year, 0))
      assert.equal(limiter.take('a'), 60)
    }
    now += 59_999
    assert.equal(limiter.take('a'), 1)
    now += 1
    assert.equal(limiter.take('a'), undefined)
  })

  test('no more keys than the bound are counted: the one counted longest ago is forgotten', () => {
    const limiter = new BoundedLimiter({ points: 1, seconds: 60, maxKeys: 3 })
    for (const key of ['a', 'b', 'c', 'd']) assert.equal(limiter.take(key), undefined)
    assert.ok(limiter.take('d'))
    assert.ok(limiter.take('b'))
    assert.equal(limiter.take('a'), undefined)
  })
})
