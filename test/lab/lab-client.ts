import { mkdirSync, writeFileSync } from 'node:fs'
import { WEB } from './lab-broker.ts'
import { type Host, type Narrator, type Outcome, runQuietly } from './narrator.ts'

const DIRECTORY = '/run/lab/client'
const ID = /\b[a-z0-9]{12}\b/
const KEY = /\b[0-9a-f]{32}\b/ // 128 bits

/** Matches no line: a page is too long to tell. */
const NOTHING = /(?!)/

/** What the visitor holds after a registration. */
export interface Ticket {
  readonly id: string
  readonly key: string
}

/** The tunnel as the API describes it, so far as the story looks at it. */
export interface TunnelView {
  readonly name: string
  readonly state: string
  readonly ipv4_client: string | null
  readonly client_endpoint?: string
  readonly ipv6_client: string
  readonly ipv6_server: string
  readonly device: string
  readonly routed_prefix?: string
}

/** Registers as a browser would: posts the form, follows the redirection, reads the page. */
export function registerByForm(
  narrator: Narrator,
  host: Host,
  fields: Readonly<Record<string, string>>,
): Ticket {
  mkdirSync(DIRECTORY, { recursive: true })
  const data = Object.entries(fields).flatMap(([name, value]) => ['--data-urlencode', `${name}=${value}`])
  const jar = ['-c', `${DIRECTORY}/cookies`, '-b', `${DIRECTORY}/cookies`]
  const post = ['curl', '-sS', '-i', ...jar, '-H', `Origin: ${WEB}`, ...data, `${WEB}/register`]
  const reply = narrator.run(host, post, { only: /^HTTP|^location/i }).stdout
  const location = /^location: (\S+)/im.exec(reply)?.[1]
  if (!/^HTTP\/1.1 303 /.test(reply) || location === undefined) throw new Error(`no redirection:\n${reply}`)
  const page = narrator.run(host, ['curl', '-sS', ...jar, new URL(location, WEB).href], {
    only: NOTHING,
  }).stdout
  const id = ID.exec(location)?.[0]
  const key = KEY.exec(page)?.[0]
  if (id === undefined || key === undefined) throw new Error(`no id or key on the page ${location}:\n${page}`)
  return { id, key }
}

/** Registers as a program would; returns the reply's JSON. */
export function registerByApi(
  narrator: Narrator,
  host: Host,
  fields: Readonly<Record<string, string | boolean>>,
): unknown {
  const json = ['-H', 'Content-Type: application/json', '-d', JSON.stringify(fields)]
  const reply = narrator.run(host, ['curl', '-sS', ...json, `${WEB}/api/v1/tunnels`], { only: NOTHING })
  return JSON.parse(reply.stdout)
}

/** Asks the API about or for a tunnel, without a word. */
export function callApi(host: Host, { id, key }: Ticket, path = '', ...options: readonly string[]): Outcome {
  const bearer = ['-H', `Authorization: Bearer ${key}`]
  return runQuietly(host, ['curl', '-sS', ...bearer, ...options, `${WEB}/api/v1/tunnels/${id}${path}`])
}

export function readTunnel(host: Host, ticket: Ticket): TunnelView {
  const { stdout } = callApi(host, ticket)
  return JSON.parse(stdout)
}

/** Fetches a script of the tunnel and runs it as it came. */
export function runScript(narrator: Narrator, host: Host, ticket: Ticket, action: 'up' | 'down'): Outcome {
  const file = `${DIRECTORY}/freenet6-${action}.sh`
  mkdirSync(DIRECTORY, { recursive: true })
  const { stdout } = callApi(host, ticket, `/script?os=linux&action=${action}`)
  if (!stdout.startsWith('#!/bin/sh\n')) throw new Error(`not a script: ${stdout}`)
  writeFileSync(file, stdout)
  return narrator.run(host, ['sh', file])
}
