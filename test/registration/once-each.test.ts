import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OnceEach, OTHER_CONTENT } from '../../src/registration/once-each.ts'

test('the outcomes of one owner never push out another’s, and each owner’s are bounded', async () => {
  const once = new OnceEach<number>(() => true)
  let works = 0
  const ask = (owner: string, name: string) => once.do({ owner, name }, async () => ++works)
  assert.equal(await ask('honest', 'first'), 1)
  for (let i = 0; i < 1000; i++) await ask('greedy', `n${i}`)
  assert.equal(await ask('honest', 'first'), 1)
  assert.equal(await ask('greedy', 'n999'), 1001)
  assert.equal(await ask('greedy', 'n0'), 1002, 'forgotten')
})

test('in a crowd of owners the oldest outcome goes first', async () => {
  const once = new OnceEach<string>(() => true)
  const ask = (owner: string, outcome: string) => once.do({ owner, name: 'x' }, async () => outcome)
  for (let i = 0; i < 5000; i++) await ask(`owner${i}`, 'first')
  assert.equal(await ask('owner4999', 'second'), 'first')
  assert.equal(await ask('owner0', 'second'), 'second')
})

test('a fault is not kept, and another content is neither joined nor done', async () => {
  const once = new OnceEach<string>(() => true)
  const request = { owner: 'a', name: 'x', content: '1' }
  await assert.rejects(once.do(request, () => Promise.reject(new Error('broken'))))
  assert.equal(await once.do(request, async () => 'done'), 'done')
  assert.equal(await once.do({ ...request, content: '2' }, async () => 'other'), OTHER_CONTENT)
})
