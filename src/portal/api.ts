import type Router from '@koa/router'
import type { Context } from 'koa'
import { formatIpv6 } from '../address/ipv6.ts'
import type { KeyCheck } from '../registration/key-check.ts'
import { Refused, refuse } from '../registration/refusal-error.ts'
import type { Registrar } from '../registration/registrar.ts'
import type { Field, Problem, ProblemCode } from '../shared/problem.ts'
import { nameOf, stateOf, type Tunnel } from '../tunnel/tunnel.ts'
import { readJson } from './body.ts'
import { operatingSystem } from './operating-system.ts'
import type { PortalOptions } from './options.ts'
import { BEARER_CHALLENGE, idOf } from './reply.ts'
import { isAction, scriptFileName, type TunnelScripts } from './tunnel-script.ts'
import { visitorOf } from './visitor.ts'

const SYNTAX_CODES: Readonly<Record<Field, ProblemCode>> = {
  ipv4: 'ipv4-syntax',
  nicname: 'nicname-syntax',
  country: 'country-unknown',
  os: 'os-unknown',
}
const LINK_PREFIX_LENGTH = 64
/** Characters of an unknown field's name that are sent back. */
const MAX_ECHOED_LENGTH = 40

export interface ApiOptions extends Pick<PortalOptions, 'trustedProxies' | 'facts' | 'table'> {
  readonly publicUrl: string
  readonly registrar: Registrar
  readonly scripts: TunnelScripts
  readonly keys: KeyCheck
}

/** `/api/v1`: JSON in, JSON out, a tunnel's key as bearer token (RFC 6750 2.1). */
export class Api {
  readonly #options: ApiOptions

  constructor(options: ApiOptions) {
    this.#options = options
  }

  mount(router: Router): void {
    router.post('/api/v1/tunnels', ctx => this.#register(ctx))
    router.get('/api/v1/tunnels/:id', ctx => this.#show(ctx))
    router.patch('/api/v1/tunnels/:id', ctx => this.#change(ctx))
    router.delete('/api/v1/tunnels/:id', ctx => this.#delete(ctx))
    router.get('/api/v1/tunnels/:id/script', ctx => this.#script(ctx))
  }

  async #register(ctx: Context): Promise<void> {
    const body = await readJson(ctx.req)
    const input = textFields(body, ['ipv4', 'nicname', 'country', 'os'])
    const { tunnel, key, warnings } = await this.#options.registrar.register(input, this.#visitor(ctx))
    ctx.status = 201
    ctx.set('location', this.#links(tunnel).self)
    ctx.body = { ...this.#representation(tunnel, warnings), key }
  }

  async #show(ctx: Context): Promise<void> {
    ctx.body = this.#representation(await this.#authorized(ctx))
  }

  async #change(ctx: Context): Promise<void> {
    const tunnel = await this.#authorized(ctx)
    const { ipv4 } = textFields(await readJson(ctx.req), ['ipv4'])
    const moved = await this.#options.registrar.changeEndpoint(tunnel, ipv4, this.#visitor(ctx))
    ctx.body = this.#representation(moved.tunnel, moved.warnings)
  }

  async #delete(ctx: Context): Promise<void> {
    await this.#options.registrar.delete(await this.#authorized(ctx))
    ctx.status = 204
  }

  /** A script holds no secret, and its id can't be guessed: no key is asked for, but a wrong one is refused. */
  async #script(ctx: Context): Promise<void> {
    const tunnel =
      ctx.get('authorization') === '' ? this.#options.table.byId(idOf(ctx)) : await this.#authorized(ctx)
    if (tunnel === undefined) throw refuse('not-found', 'There is no tunnel with this id.')
    const { os = tunnel.os, action = 'up' } = ctx.query
    if (typeof action !== 'string' || !isAction(action))
      throw refuse('action-unknown', 'action is up or down.')
    const system = operatingSystem(String(os))
    const script = this.#options.scripts.script(tunnel, String(os), action)
    if (system === undefined || script === undefined)
      throw refuse('os-unknown', 'There is no script for this operating system.')
    ctx.type = 'text/plain'
    ctx.set('content-disposition', `attachment; filename="${scriptFileName(action, system.ending)}"`)
    ctx.body = script
  }

  /** The tunnel that the bearer key opens; an unknown id looks like a wrong key. */
  async #authorized(ctx: Context): Promise<Tunnel> {
    const key = /^Bearer +([!-~]{1,200}) *$/i.exec(ctx.get('authorization'))?.[1]
    const { keys, table } = this.#options
    const tunnel =
      key === undefined ? undefined : await keys.open(table.byId(idOf(ctx)), key, this.#visitor(ctx))
    if (tunnel !== undefined) return tunnel
    throw refuse('unauthorized', 'Send the tunnel’s key: Authorization: Bearer KEY.', BEARER_CHALLENGE)
  }

  /** `warnings` is there only where there are some. */
  #representation(tunnel: Tunnel, warnings: readonly Problem[] = []): object {
    const { facts } = this.#options
    return {
      id: tunnel.id,
      name: nameOf(tunnel, facts.origin),
      state: stateOf(tunnel),
      ipv4_client: tunnel.ipv4Client,
      ipv4_server: facts.serverIpv4,
      ipv6_client: formatIpv6(tunnel.ipv6Client),
      ipv6_server: formatIpv6(tunnel.ipv6Server),
      prefix_length: LINK_PREFIX_LENGTH,
      mtu: facts.mtu,
      device: tunnel.device,
      creation_time: tunnel.creationTime,
      unreachable: tunnel.unreachable,
      links: this.#links(tunnel),
      ...(warnings.length === 0 ? {} : { warnings }),
    }
  }

  #links(tunnel: Tunnel): { readonly self: string; readonly script: string; readonly page: string } {
    const self = `${this.#options.publicUrl}/api/v1/tunnels/${tunnel.id}`
    return {
      self,
      script: `${self}/script?os=${tunnel.os}&action=up`,
      page: `${this.#options.publicUrl}/tunnels/${tunnel.id}`,
    }
  }

  #visitor(ctx: Context) {
    return visitorOf(ctx.req, this.#options.trustedProxies)
  }
}

/** The named fields as text, an absent one as empty. Throws Refused for other fields and other types. */
function textFields<Name extends Field>(
  body: Readonly<Record<string, unknown>>,
  names: readonly Name[],
): Readonly<Record<Name, string>> {
  const problems: Problem[] = []
  const unknown = Object.keys(body).find(name => !names.some(known => known === name))
  if (unknown !== undefined)
    problems.push({
      code: 'field-unknown',
      detail: `There is no field ${JSON.stringify(unknown.slice(0, MAX_ECHOED_LENGTH))} here; known: ${names.join(', ')}.`,
    })
  for (const name of names) {
    const value = body[name]
    if (value !== undefined && typeof value !== 'string')
      problems.push({ code: SYNTAX_CODES[name], field: name, detail: `${name} must be a string.` })
  }
  if (problems.length > 0) throw new Refused(problems)
  return Object.fromEntries(names.map(name => [name, String(body[name] ?? '')])) as Record<Name, string>
}
