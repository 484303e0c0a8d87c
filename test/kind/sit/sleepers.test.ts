import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyOf } from '../../../src/kind/sit/shared-layout-elements.ts'
import { type SleeperSet, Sleepers } from '../../../src/kind/sit/sleepers.ts'

const LINK = {
  device: 'fn6-1',
  ipv4Client: '198.51.100.1',
  ipv6Server: '2001:db8:f6:1::1',
  ipv6Client: '2001:db8:f6:1::2',
}

type Listened = NonNullable<Awaited<ReturnType<SleeperSet['list']>>>

test('a sleeper that could not be taken out of the set is taken out the next time', async () => {
  let set: Listened = new Map()
  let broken: string | undefined
  const sleepers = new Sleepers({
    list: async () => set,
    change: async ({ refused, admitted }) => {
      if (broken !== undefined) return broken
      const left = new Map(set)
      for (const one of refused) left.delete(keyOf(one))
      for (const one of admitted) left.set(keyOf(one), { ...one, packets: 0, bytes: 0 })
      set = left
      return undefined
    },
  })
  await sleepers.listenFor([LINK])
  set = new Map([...set].map(([key, one]) => [key, { ...one, packets: 3 }]))
  broken = 'Device or resource busy'
  assert.deepEqual(await sleepers.listenFor([LINK]), new Set(['fn6-1'])) // and is woken
  await sleepers.listenFor([])
  broken = undefined
  await sleepers.listenFor([])
  assert.equal(set.size, 0)
  assert.deepEqual(await sleepers.listenFor([LINK]), new Set(), 'asleep again, it has sent nothing')
})
