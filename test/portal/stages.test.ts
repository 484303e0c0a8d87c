import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { FakeKernel } from '../lifecycle/world.ts'
import { bearer, type Given, LAB, PortalWorld } from './portal-world.ts'

const DAY = 86_400
const THRESHOLD = 2

interface Shown {
  readonly state: string
  readonly state_since: number
  readonly dormant_since?: number
  readonly until?: number
  readonly unreachable: number
  readonly unreachable_threshold: number
}

/** Whether a time in UTC seconds is `wanted` seconds from now, as far as a busy machine can tell. */
function isAbout(time: number | undefined, wanted: number): boolean {
  return time !== undefined && Math.abs(time - Date.now() / 1000 - wanted) < 60
}

suite('the API says of each stage since when it is, and what ends it', () => {
  let world: PortalWorld
  let given: Given
  before(async () => {
    world = await PortalWorld.open(`${LAB}\n[monitor]\nthreshold = ${THRESHOLD}\n`, {
      kernel: new FakeKernel(),
    })
    given = await world.register()
  })
  after(() => world[Symbol.asyncDispose]())

  async function shown(): Promise<Shown> {
    const answer = await world.ask(`/api/v1/tunnels/${given.id}`, { headers: bearer(given.key) })
    assert.equal(answer.status, 200, answer.text)
    return JSON.parse(answer.text) as Shown
  }

  test('waiting: a time', async () => {
    const { state, state_since, until, unreachable_threshold } = await shown()
    assert.deepEqual([state, unreachable_threshold], ['waiting', THRESHOLD])
    assert.ok(isAbout(state_since, 0) && isAbout(until, DAY))
  })

  test('active: nothing', async () => {
    await world.broker.lifecycle.recordRound({ answered: [given.id], silent: [] })
    const { state, state_since, until } = await shown()
    assert.deepEqual([state, until], ['active', undefined])
    assert.ok(isAbout(state_since, 0))
  })

  test('unreachable: a count of echoes, which stands beside how many have been missed', async () => {
    await world.broker.lifecycle.recordRound({ answered: [], silent: [given.id] })
    const { state, state_since, until, unreachable, unreachable_threshold } = await shown()
    assert.deepEqual(
      [state, until, unreachable, unreachable_threshold],
      ['unreachable', undefined, 1, THRESHOLD],
    )
    assert.ok(isAbout(state_since, 0))
  })

  test('suspended: the operator, at no time that we know', async () => {
    await world.broker.lifecycle.suspend(given.id)
    const { state, state_since, dormant_since, until } = await shown()
    assert.deepEqual([state, until, state_since], ['suspended', undefined, dormant_since])
    assert.ok(isAbout(state_since, 0))
  })

  test('dormant: a time', async () => {
    await world.broker.lifecycle.resume(given.id)
    await world.broker.lifecycle.recordRound({ answered: [given.id], silent: [] })
    for (let round = 0; round <= THRESHOLD; round++)
      await world.broker.lifecycle.recordRound({ answered: [], silent: [given.id] })
    // Its endpoint has another tunnel by now, so that a look does not bring it back.
    await world.register({ nicname: 'other' })
    const { state, state_since, dormant_since, until } = await shown()
    assert.deepEqual([state, state_since], ['dormant', dormant_since])
    assert.ok(isAbout(state_since, 0) && isAbout(until, 30 * DAY))
  })
})
