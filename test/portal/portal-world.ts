import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Broker } from '../../src/broker.ts'
import { compose } from '../../src/compose.ts'
import { type Config, parseConfig } from '../../src/config/config.ts'
import { SIT } from '../../src/kind/sit/sit.ts'
import type { Carrier, Handover, Letter } from '../../src/mail/carrier.ts'
import type { Correspondence } from '../../src/mail/correspondence.ts'
import { correspondenceOf, tellOwners } from '../../src/mail-serving.ts'
import { Portal } from '../../src/portal/portal.ts'
import { portalOptions } from '../../src/portal-serving.ts'
import type { Interfaces } from '../../src/tunnel/interface.ts'
import { Kinds, type TunnelKind } from '../../src/tunnel/kind.ts'
import { Words } from '../../src/words/words.ts'
import { SILENT } from '../lifecycle/world.ts'
import { configText } from '../spawn.ts'

/** Any address may be registered, nothing is pinged, and nobody has a quota. */
export const LAB = `
[mail]
smtp = "smtp://127.0.0.1:1"
from = "broker@example.net"
[tunnel]
allow_special_purpose = true
foreign_endpoints = true
reachability = "off"
[web]
registrations_per_hour = 0
`
export const GOOD = { ipv4: '192.0.2.77', nicname: 'alice', country: 'ca', os: 'linux' } as const

export interface Ask {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** A tunnel as the API gives it. */
export interface Given {
  readonly id: string
  readonly name: string
  readonly key: string
  readonly state: string
  readonly ipv4_client: string
  readonly links: Readonly<Record<'self' | 'script' | 'page', string>>
  readonly warnings?: readonly { readonly code: string; readonly field?: string; readonly detail: string }[]
}

/** A problem document (RFC 9457). */
export interface ProblemDocument {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly errors: readonly { readonly code: string; readonly field?: string; readonly detail: string }[]
}

/** What a test turns or reads behind the portal's back. */
interface Knobs {
  /** What the log was told as errors. */
  readonly faults: object[]
  /** Addresses that do not answer the reachability check. */
  readonly silent: Set<string>
  /** What the health check says is wrong. */
  readonly reasons: string[]
  /** How long the reachability check takes, in milliseconds, and whom it has asked. */
  readonly ping: { ms: number; readonly asked: string[] }
  /** What was mailed or posted. */
  readonly mails: Letter[]
  /** Addresses that the mail server refuses for good. */
  readonly refusing: Set<string>
  /** What else becomes of letters to an address; they are taken unless it is here. */
  readonly handovers: Map<string, Handover | Promise<Handover>>
}

/** A real portal on a real broker in this process, with a directory of its own. `await using` it. */
export class PortalWorld implements Knobs {
  readonly broker: Broker
  readonly url: string
  readonly faults: object[]
  readonly silent: Set<string>
  readonly reasons: string[]
  readonly ping: Knobs['ping']
  readonly mails: Letter[]
  readonly refusing: Set<string>
  readonly handovers: Map<string, Handover | Promise<Handover>>
  readonly #portal: Portal
  readonly #directory: string
  readonly #stopTelling: () => Promise<void>

  private constructor(
    parts: Knobs & { broker: Broker; portal: Portal; directory: string; stopTelling: () => Promise<void> },
  ) {
    this.broker = parts.broker
    this.faults = parts.faults
    this.silent = parts.silent
    this.reasons = parts.reasons
    this.ping = parts.ping
    this.mails = parts.mails
    this.refusing = parts.refusing
    this.handovers = parts.handovers
    this.url = parts.portal.url
    this.#portal = parts.portal
    this.#directory = parts.directory
    this.#stopTelling = parts.stopTelling
  }

  static async open(
    text = LAB,
    {
      words,
      kernel,
      kind = SIT,
      monotonic,
      directory = mkdtempSync(join(tmpdir(), 'freenet6-portal-')),
    }: {
      readonly words?: string
      readonly kernel?: Interfaces
      /** Of the tunnels that `kernel` carries. */
      readonly kind?: TunnelKind
      readonly monotonic?: () => number
      readonly directory?: string
    } = {},
  ): Promise<PortalWorld> {
    const reading = parseConfig(configText(text), join(directory, 'freenet6.toml'))
    if (reading.kind === 'mistakes') assert.fail(reading.mistakes.join('\n'))
    const knobs: Knobs = {
      faults: [],
      silent: new Set(),
      reasons: [],
      ping: { ms: 0, asked: [] },
      mails: [],
      refusing: new Set(),
      handovers: new Map(),
    }
    const broker = await compose(reading.config, {
      log: SILENT,
      ...(monotonic === undefined ? {} : { monotonic }),
      ...(kernel === undefined ? {} : { kinds: new Kinds({ ...kind, openDriver: async () => kernel }) }),
      prober: {
        kind: 'fping',
        probe: async targets => {
          knobs.ping.asked.push(...targets)
          await sleep(knobs.ping.ms)
          return new Map(
            targets.map(target => [
              target,
              knobs.silent.has(target) ? { kind: 'silent' } : { kind: 'answered', rttMs: 1 },
            ]),
          )
        },
      },
    })
    const correspondence = correspondenceOf(reading.config, broker)
    const portal = await openPortal(reading.config, broker, { ...knobs, correspondence, words })
    const carrier: Carrier = {
      carry: async letter => {
        knobs.mails.push(letter)
        return knobs.refusing.has(letter.to)
          ? { kind: 'refused', reason: '550 5.1.1 no such user' }
          : (knobs.handovers.get(letter.to) ?? { kind: 'taken' })
      },
      close: () => undefined,
    }
    const stopTelling = tellOwners(reading.config, {
      broker,
      correspondence,
      publicUrl: portal.url,
      log: SILENT,
      carriers: new Map([
        ['email', carrier],
        ['webhook', carrier],
      ]),
    })
    return new PortalWorld({ ...knobs, broker, portal, directory, stopTelling })
  }

  /** The world as it is after kill -9: the files as they lie on the disk, and nothing else. */
  async crash(text = LAB): Promise<PortalWorld> {
    const directory = mkdtempSync(join(tmpdir(), 'freenet6-portal-'))
    cpSync(this.#directory, directory, { recursive: true, filter: source => !/\.(lock|sock)$/.test(source) })
    await this[Symbol.asyncDispose]()
    return PortalWorld.open(text, { directory })
  }

  get databaseFile(): string {
    return join(this.#directory, 'data', 'freenet6.db')
  }

  /** One request, exactly as told: no header is added but Host, Connection and the length of the body. */
  ask(path: string, { method = 'GET', headers = {}, body }: Ask = {}): Promise<Answer> {
    return ask(`${this.url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) })
  }

  askJson(path: string, method: string, body: unknown, headers: Readonly<Record<string, string>> = {}) {
    return this.ask(path, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  }

  /** A form as a browser sends it. */
  post(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ) {
    return this.ask(path, {
      method: 'POST',
      headers: {
        accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
        'content-type': 'application/x-www-form-urlencoded',
        'sec-fetch-site': 'same-origin',
        ...headers,
      },
      body: new URLSearchParams(fields).toString(),
    })
  }

  /** Registers through the API; fails where that is refused. */
  async register(input: Partial<Record<keyof typeof GOOD | 'invitation', string>> = {}): Promise<Given> {
    const answer = await this.askJson('/api/v1/tunnels', 'POST', { ...GOOD, ...input })
    assert.equal(answer.status, 201, answer.text)
    return JSON.parse(answer.text) as Given
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#portal.close()
    await this.#stopTelling()
    this.broker.close()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

/** The document of a refusal, whose form is checked on the way. */
export function problemIn({ status, headers, text }: Answer): ProblemDocument {
  assert.match(String(headers['content-type']), /^application\/problem\+json\b/, text)
  const document = JSON.parse(text) as ProblemDocument
  assert.equal(document.status, status)
  assert.ok(document.errors.length > 0)
  assert.match(document.type, new RegExp(`^https?://.*/errors#${document.code}$`))
  return document
}

export function bearer(key: string): { readonly authorization: string } {
  return { authorization: `Bearer ${key}` }
}

/** The cookie that an answer sets, as the browser sends it back. */
export function cookieIn({ headers }: Answer): { readonly cookie: string } {
  return { cookie: headers['set-cookie']?.[0]?.split(';')[0] ?? '' }
}

export function ask(url: string, { method = 'GET', headers = {}, body }: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: false }, reply => {
      text(reply).then(
        whole => resolve({ status: reply.statusCode ?? 0, headers: reply.headers, text: whole }),
        reject,
      )
    })
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}

function openPortal(
  config: Config,
  broker: Broker,
  {
    faults,
    reasons,
    correspondence,
    words,
  }: Pick<Knobs, 'faults' | 'reasons'> & {
    readonly correspondence: Correspondence
    readonly words: string | undefined
  },
): Promise<Portal> {
  return Portal.listen({
    ...portalOptions(config, broker),
    selfCheck: {
      check: async () => (reasons.length === 0 ? { kind: 'healthy' } : { kind: 'unhealthy', reasons }),
    },
    metrics: { text: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'up 1\n' }) },
    unready: () => [],
    correspondence,
    words: Words.load(words),
    log: { ...SILENT, error: facts => void faults.push(facts) },
  })
}
