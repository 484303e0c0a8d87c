import assert from 'node:assert/strict'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { until } from '../until.ts'
import { type Answer, bearer, cookieIn, type Given, type PortalWorld } from './portal-world.ts'

/** A key on its page. */
export const KEY = /<code id="key" class="command">([0-9a-f]{32})<\/code>/

/** The key on the page that an answer leads to. */
export async function keyBehind(world: PortalWorld, answer: Answer): Promise<string> {
  assert.equal(answer.status, 303, answer.text)
  const page = await world.ask(String(answer.headers.location), { headers: cookieIn(answer) })
  return KEY.exec(page.text)?.[1] ?? assert.fail(page.text)
}

/** The path of the page that the next letter with a link that was asked for names; whatever else was told is left out. */
export async function letter(world: PortalWorld): Promise<string> {
  const asked = () => world.mails.find(({ occasion }) => occasion === 'confirm' || occasion === 'recover')
  await until(() => asked() !== undefined, 'no letter')
  const { page } = asked() ?? assert.fail()
  world.mails.splice(0)
  return page.replace(world.url, '')
}

/** The owner is told by mail from now on: the reader there has said yes. */
export async function reachedAt(world: PortalWorld, { id, key }: Given, email: string): Promise<void> {
  await world.askJson(`/api/v1/tunnels/${id}`, 'PATCH', { email }, bearer(key))
  await world.post(await letter(world), { wanted: 'yes' })
}

/** The path of a link to a new key. */
export async function mailedLink(world: PortalWorld, { name }: Given, email: string): Promise<string> {
  await world.post('/recover/mail', { reference: name, email })
  return letter(world)
}

/** Listens to a tunnel; resolves when that has begun, with a promise of all that was told until its end. */
export function listenTo(world: PortalWorld, id: string, headers: Readonly<Record<string, string>>) {
  return new Promise<{ readonly whole: Promise<string> }>((resolve, reject) => {
    const outgoing = request(`${world.url}/api/v1/tunnels/${id}/events`, { headers, agent: false }, reply => {
      if (reply.statusCode === 200) resolve({ whole: text(reply) })
      else reject(new Error(`status ${reply.statusCode}`))
    })
    outgoing.once('error', reject)
    outgoing.end()
  })
}
