import assert from 'node:assert/strict'
import { type IncomingMessage, request } from 'node:http'
import { suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { bearer, cookieIn, type Given, GOOD, PortalWorld, problemIn } from './portal-world.ts'

interface Told {
  readonly event: string
  readonly data: Readonly<Record<string, string | number | boolean>>
}

/** A program that listens to a tunnel. */
class Ear {
  readonly #reply: IncomingMessage
  #heard = ''

  private constructor(reply: IncomingMessage) {
    this.#reply = reply
    reply.setEncoding('utf8')
    reply.on('data', (chunk: string) => {
      this.#heard += chunk
    })
    reply.on('error', () => undefined)
  }

  /** Nothing tells when the server has noticed that another has left: tries until there is a place. */
  static async openAtLast(
    world: PortalWorld,
    id: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<Ear> {
    for (let tries = 1; ; tries++) {
      try {
        return await Ear.open(world, id, headers)
      } catch (error) {
        if (tries === 200) throw error
        await sleep(10)
      }
    }
  }

  static open(world: PortalWorld, id: string, headers: Readonly<Record<string, string>>): Promise<Ear> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        `${world.url}/api/v1/tunnels/${id}/events`,
        { headers, agent: false },
        reply => {
          const type = String(reply.headers['content-type'])
          if (reply.statusCode === 200 && /^text\/event-stream\b/.test(type)) return resolve(new Ear(reply))
          reply.resume()
          reject(new Error(`${reply.statusCode} ${type}`))
        },
      )
      outgoing.once('error', reject)
      outgoing.end()
    })
  }

  get told(): readonly Told[] {
    return [...this.#heard.matchAll(/^event: (\w+)\ndata: (.*)\n\n/gm)].map(([, event = '', data = '']) => ({
      event,
      data: JSON.parse(data),
    }))
  }

  /** Resolves once an event with these values was told. */
  async hears(event: string, values: Told['data']): Promise<void> {
    const isSo = () =>
      this.told.some(
        told =>
          told.event === event && Object.entries(values).every(([name, value]) => told.data[name] === value),
      )
    while (!isSo()) await new Promise(done => this.#reply.once('data', done))
  }

  end(): Promise<void> {
    return new Promise(done => {
      if (this.#reply.complete) done()
      else this.#reply.once('end', done)
    })
  }

  leave(): void {
    this.#reply.destroy()
  }
}

suite('events of a tunnel', () => {
  test('are its state at first and after each change, its echoes, and its end', async () => {
    await using world = await PortalWorld.open()
    const { id, key } = await world.register()
    const ear = await Ear.open(world, id, bearer(key))
    await ear.hears('state', { state: 'active', unreachable: 0 })
    await ear.hears('echo', { answered: true, rtt_ms: 1, text: 'Your end answered our ping after 1 ms.' })
    await world.broker.lifecycle.recordRound({ answered: [], silent: [id] })
    await ear.hears('state', { state: 'unreachable', unreachable: 1 })
    for (let round = 0; round < 6; round++)
      await world.broker.lifecycle.recordRound({ answered: [], silent: [id] })
    await ear.hears('state', { state: 'dormant' })
    assert.equal((await world.broker.lifecycle.wake(id)).kind, 'woken')
    await world.broker.lifecycle.delete(id)
    await ear.hears('state', { state: 'gone' })
    await ear.end()
  })

  test('are told to the browser of a tunnel that is suspended, and when it comes back', async () => {
    await using world = await PortalWorld.open()
    const { id, key } = await world.register()
    const headers = cookieIn(await world.post('/tunnels', { reference: id, key }))
    assert.equal((await world.broker.operator.suspend(id)).kind, 'done')
    const ear = await Ear.open(world, id, headers)
    await ear.hears('state', { state: 'suspended' })
    assert.equal((await world.broker.operator.resume(id)).kind, 'done')
    await ear.hears('state', { state: 'active' })
    ear.leave()
  })

  test('are for the key and for a browser that is signed in, and say when an end is silent', async () => {
    await using world = await PortalWorld.open()
    const { id, key, ...given } = (await world.register()) as Given & { readonly ipv6_client: string }
    world.silent.add(given.ipv6_client)
    const path = `/api/v1/tunnels/${id}/events`
    assert.equal(problemIn(await world.ask(path)).code, 'unauthorized')
    const other = await world.register({ ipv4: '192.0.2.78', nicname: 'other' })
    assert.equal((await world.ask(path, { headers: bearer(other.key) })).status, 401)
    const ear = await Ear.open(world, id, cookieIn(await world.post('/tunnels', { reference: id, key })))
    await ear.hears('echo', { answered: false })
    ear.leave()
    const head = await world.ask(path, { method: 'HEAD', headers: bearer(key) })
    assert.match(String(head.headers['content-type']), /^text\/event-stream\b/)
  })

  test('are told to eight listeners of a tunnel, and to the next when one has left', async () => {
    await using world = await PortalWorld.open()
    const { id, key } = await world.register()
    const ears: Ear[] = []
    for (let i = 0; i < 8; i++) ears.push(await Ear.open(world, id, bearer(key)))
    const path = `/api/v1/tunnels/${id}/events`
    const refusal = await world.ask(path, { headers: bearer(key) })
    assert.equal(problemIn(refusal).code, 'too-many-requests')
    assert.equal(refusal.headers['retry-after'], '60')
    ears.pop()?.leave()
    const again = await Ear.openAtLast(world, id, bearer(key))
    await again.hears('state', { state: 'active' })
    for (const ear of ears) ear.leave()
    again.leave()
    assert.deepEqual(world.faults, [])
  })

  test('end when the server stops', async () => {
    const world = await PortalWorld.open()
    const { id, key } = await world.register(GOOD)
    const ear = await Ear.open(world, id, bearer(key))
    await ear.hears('state', { state: 'active' })
    await Promise.all([world[Symbol.asyncDispose](), ear.end()])
  })
})
