import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { OPERATIONS } from '../../src/portal/openapi/operations.ts'
import { SCHEMAS, type SchemaName } from '../../src/portal/openapi/schemas.ts'
import { FakeKernel } from '../lifecycle/world.ts'
import { bearer, type Given, GOOD, LAB, PortalWorld } from './portal-world.ts'

const API_SOURCE = ['api.ts', 'api-keys.ts']
  .map(file => readFileSync(join(import.meta.dirname, '../../src/portal', file), 'utf8'))
  .join()

interface Document {
  readonly openapi: string
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, object>> }>>>
  >
}

suite('the OpenAPI document', () => {
  let world: PortalWorld
  let document: Document

  before(async () => {
    world = await PortalWorld.open(LAB, { kernel: new FakeKernel() })
    document = JSON.parse((await world.ask('/openapi.json')).text) as Document
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
  })

  test('is valid OpenAPI 3.1, as a public validator has it', async () => {
    const { valid, errors } = await new Validator().validate({ ...document })
    assert.ok(valid, JSON.stringify(errors))
    assert.match(document.openapi, /^3\.1\./)
    assert.equal(document.servers[0]?.url, world.url)
  })

  test('has every route of the API, and no other', () => {
    const routes = [...API_SOURCE.matchAll(/router\.(get|post|patch|delete)\('([^']*)'/g)].map(
      ([, method, path = '']) => `${method} ${path.replace(':id', '{id}')}`,
    )
    const written = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map(method => `${method} ${path}`),
    )
    assert.deepEqual(written.filter(operation => operation.includes('/api/')).sort(), routes.sort())
  })

  /** Asks, and holds the answer against what the document says of that operation. */
  async function ask(id: string, tunnel: { readonly id: string; readonly key?: string }, body?: object) {
    const operation = OPERATIONS.find(each => each.id === id) ?? assert.fail(id)
    const answer = await world.ask(operation.path.replace('{id}', tunnel.id), {
      method: operation.method.toUpperCase(),
      headers: {
        ...(tunnel.key === undefined ? {} : bearer(tunnel.key)),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const { responses } = document.paths[operation.path]?.[operation.method] ?? assert.fail(operation.path)
    assert.ok(String(answer.status) in responses, `${id}: ${answer.status} ${answer.text}`)
    if (answer.status >= 400) parse('Problem', answer.text)
    else if (operation.gives.kind === 'json') parse(operation.gives.schema, answer.text)
    else if (operation.gives.kind === 'text')
      assert.ok(String(answer.headers['content-type']).startsWith(operation.gives.type))
    else assert.equal(answer.text, '')
    return answer
  }

  function parse(schema: SchemaName, text: string): void {
    const read = SCHEMAS[schema].safeParse(JSON.parse(text))
    assert.ok(read.success, `${schema}: ${read.error?.message}\n${text}`)
  }

  test('tells what really comes back, all along a tunnel’s life', async () => {
    const nobody = { id: 'aaaaaaaaaaaa' }
    const { text } = await ask('register', nobody, GOOD)
    const tunnel = JSON.parse(text) as Given
    await ask('show', tunnel)
    await ask('change', tunnel, { ipv4: '192.0.2.99' })
    await ask('script', { id: tunnel.id })
    await ask('diagnosis', tunnel)
    const renewed = await ask('renewKey', tunnel)
    const { key } = JSON.parse(renewed.text) as { readonly key: string }
    await world.broker.lifecycle.recordRound({ answered: [], silent: [tunnel.id] })
    await ask('show', { id: tunnel.id, key })
    await ask('delete', { id: tunnel.id, key })
    await ask('ip', nobody)
    await ask('health', nobody)
  })

  test('tells how each refusal comes', async () => {
    const nobody = { id: 'aaaaaaaaaaaa', key: 'wrong' }
    const refused = async (id: string, body?: object) => (await ask(id, nobody, body)).status
    assert.equal(await refused('register', {}), 400)
    assert.equal(await refused('register', { ...GOOD, ipv4: 1 }), 400)
    for (const id of ['show', 'change', 'delete', 'diagnosis', 'events', 'renewKey', 'script'])
      assert.equal(await refused(id), 401, id)
    assert.equal((await ask('script', { id: nobody.id })).status, 404)
    assert.equal(await refused('recover'), 403)
    const { status } = await world.ask('/api/v1/tunnels', { method: 'POST', body: '{}' })
    assert.ok(String(status) in (document.paths['/api/v1/tunnels']?.post?.responses ?? {}))
  })

  test('tells of what comes whatever is asked, and of a full disk wherever something is kept', async () => {
    const statuses = (path: string, method: string) =>
      Object.keys(document.paths[path]?.[method]?.responses ?? {})
    for (const { path, method, takes } of OPERATIONS) {
      const wanted = takes === undefined ? ['421', '500'] : ['421', '500', '507']
      assert.deepEqual(
        wanted.filter(status => !statuses(path, method).includes(status)),
        [],
        path,
      )
    }
    const answer = await world.askJson('/api/v1/tunnels', 'POST', GOOD, { host: 'elsewhere.example' })
    assert.equal(answer.status, 421)
    parse('Problem', answer.text)
  })

  test('tells how a suspended tunnel is refused, one that was just deleted, and a bad Idempotency-Key', async () => {
    const suspended = await world.register({ ipv4: '192.0.2.102', nicname: 'suspended' })
    const { responses } = document.paths['/api/v1/tunnels/{id}/key']?.post ?? assert.fail()
    const headers = { ...bearer(suspended.key), 'idempotency-key': 'a"b' }
    const { status } = await world.ask(`/api/v1/tunnels/${suspended.id}/key`, { method: 'POST', headers })
    assert.ok(status === 400 && String(status) in responses)
    await world.broker.lifecycle.suspend(suspended.id)
    for (const id of ['renewKey', 'delete']) assert.equal((await ask(id, suspended)).status, 403, id)
    const deleted = await world.register({ ipv4: '192.0.2.103', nicname: 'deleted' })
    await ask('delete', deleted)
    assert.equal((await ask('change', deleted, { ipv4: '192.0.2.104' })).status, 404)
  })

  test('a tunnel that waits for its end says so, and until when', async () => {
    const tunnel = await world.register({ ipv4: '192.0.2.101', nicname: 'waits' })
    const { text } = await ask('show', tunnel)
    const shown = JSON.parse(text) as { readonly state: string; readonly until?: number }
    assert.equal(shown.state, 'waiting')
    assert.ok(shown.until !== undefined && shown.until > Date.now() / 1000)
  })
})

test('a WireGuard tunnel is as the document says, too', async () => {
  await using world = await PortalWorld.open()
  const asked = {
    kind: 'wireguard',
    public_key: Buffer.alloc(32, 7).toString('base64'),
    nicname: 'guarded',
    country: 'ca',
    os: 'linux',
  }
  assert.ok(SCHEMAS.Registration.safeParse(asked).success)
  const answer = await world.askJson('/api/v1/tunnels', 'POST', asked)
  assert.equal(answer.status, 201, answer.text)
  const read = SCHEMAS.NewTunnel.safeParse(JSON.parse(answer.text))
  assert.ok(read.success, `${read.error?.message}\n${answer.text}`)
})
