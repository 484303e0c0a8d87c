import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProbeGate } from '../../src/registration/probe-gate.ts'

/** Work that goes on until it is told to end. */
function endless(): { readonly work: () => Promise<string>; readonly end: () => void } {
  const { promise, resolve } = Promise.withResolvers<string>()
  return { work: () => promise, end: () => resolve('done') }
}

test('a visitor has eight probes at a time, another one has its own, and an ended one makes room', async () => {
  const gate = new ProbeGate()
  const { work, end } = endless()
  const running = Array.from({ length: 8 }, () => gate.run('a', work))
  assert.equal(await gate.run('a', async () => 'ninth'), undefined)
  assert.equal(await gate.run('b', async () => 'first'), 'first')
  end()
  assert.deepEqual(await Promise.all(running), Array(8).fill('done'))
  assert.equal(await gate.run('a', async () => 'again'), 'again')
})

test('all visitors together have 256, and work that fails makes room too', async () => {
  const gate = new ProbeGate()
  const { work, end } = endless()
  const running = Array.from({ length: 256 }, (_, n) => gate.run(`v${n}`, work))
  assert.equal(await gate.run('late', async () => 'late'), undefined)
  end()
  await Promise.all(running)
  await assert.rejects(gate.run('a', () => Promise.reject(new Error('no ping'))))
  assert.equal(await gate.run('late', async () => 'late'), 'late')
})
