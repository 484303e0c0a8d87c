import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { type Ask, LAB, PortalWorld } from './portal-world.ts'

suite('curl, which accepts anything, gets no page where programs ask', () => {
  const NOT_OURS = { host: 'elsewhere.example' }
  const CASES: readonly (readonly [title: string, path: string, status: number, ask: Ask])[] = [
    ['from an address that may not read it', '/metrics', 403, {}],
    ...[
      '/metrics',
      '/healthz',
      '/readyz',
      '/ip',
      '/openapi.json',
      '/geofeed.csv',
      '/.well-known/security.txt',
    ].flatMap(path => [
      ['by another method', path, 405, { method: 'POST' }] as const,
      ['under a foreign host', path, 421, { headers: NOT_OURS }] as const,
    ]),
  ]
  let world: PortalWorld
  before(async () => {
    world = await PortalWorld.open(LAB.replace('[web]', '[web]\nmetrics_from = ["192.0.2.0/24"]'))
  })
  after(() => world[Symbol.asyncDispose]())

  for (const [title, path, status, ask] of CASES) {
    test(`${path} ${title}: ${status}`, async () => {
      const typeFor = async (accept: string) => {
        const reply = await world.ask(path, { ...ask, headers: { ...ask.headers, accept } })
        assert.equal(reply.status, status)
        return String(reply.headers['content-type']).split(';')[0]
      }
      assert.equal(await typeFor('*/*'), 'application/problem+json')
      assert.equal(await typeFor('text/html,*/*;q=0.8'), 'text/html')
    })
  }
})
