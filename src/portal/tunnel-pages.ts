import type Router from '@koa/router'
import type { Context } from 'koa'
import { formatIpv6 } from '../address/ipv6.ts'
import type { Correspondence } from '../mail/correspondence.ts'
import type { Registrar } from '../registration/registrar.ts'
import type { VisitorAddress } from '../registration/visitor.ts'
import { type Problem, problem, statusOf } from '../shared/problem.ts'
import type { Octets } from '../tunnel/interface.ts'
import { largestMtu, mtuOf, SMALLEST_MTU } from '../tunnel/mtu.ts'
import { nameOf, stateOf, type Tunnel, tunnelText } from '../tunnel/tunnel.ts'
import type { Language } from '../words/language.ts'
import { readForm } from './body.ts'
import { describe } from './describe.ts'
import { UPDATE_PATH } from './dyndns2.ts'
import { firstSteps } from './first-steps.ts'
import { lastHour } from './history-pages.ts'
import { minuteOf } from './minute.ts'
import { MtuPages } from './mtu-pages.ts'
import type { OperatingSystems } from './operating-systems.ts'
import type { PortalOptions } from './options.ts'
import { PublicKeyPages } from './public-key-pages.ts'
import { Refused, refuse, retryAfter } from './refused.ts'
import { idOf, languageOf, seeOther, wantsPage } from './reply.ts'
import { RoutedPages } from './routed-pages.ts'
import type { SessionCookie } from './session-cookie.ts'
import type { FirstView, SignIns } from './sign-in.ts'
import type { SignInPages } from './sign-in-pages.ts'
import { isSignedIn, keepUnlessSent, signedInTunnel } from './signed-in.ts'
import { stageWords } from './stage-words.ts'
import type { OperatingSystem } from './system-manifest.ts'
import { ACTIONS, isAction, scriptFileName, type TunnelScripts } from './tunnel-scripts.ts'
import {
  CURL_PATH,
  cronLine,
  curlLines,
  ddclientLines,
  FOLLOW_PATH,
  followLines,
  inadynLines,
} from './update-lines.ts'
import type { Views } from './views.ts'
import { visitorOf } from './visitor.ts'

export interface TunnelPagesOptions
  extends Pick<
    PortalOptions,
    | 'trustedProxies'
    | 'facts'
    | 'history'
    | 'traffic'
    | 'published'
    | 'table'
    | 'lifecycle'
    | 'words'
    | 'systems'
  > {
  readonly publicUrl: string
  readonly registrar: Registrar
  readonly scripts: TunnelScripts
  readonly signIns: SignIns
  readonly cookie: SessionCookie
  readonly views: Views
  readonly signInPages: SignInPages
  readonly correspondence: Correspondence
}

/** What a view of the tunnel's page has beyond the tunnel itself. */
interface Occasion {
  readonly first?: FirstView
  readonly endpointProblems?: readonly Problem[]
  /** Why it could not be woken. */
  readonly wakeProblems?: readonly Problem[]
  readonly typedIpv4?: string
  readonly isDeleteUnsure?: boolean
  readonly isKeyUnsure?: boolean
  readonly isMoveUnsure?: boolean
  readonly isReturnUnsure?: boolean
}

/** The draft's last page, the script and instructions, and what its owner does with a tunnel later. */
export class TunnelPages {
  readonly #options: TunnelPagesOptions

  constructor(options: TunnelPagesOptions) {
    this.#options = options
  }

  mount(router: Router): void {
    router.get('/tunnels/:id', ctx => this.#show(ctx))
    router.get('/tunnels/:id/script', ctx => this.#download(ctx))
    router.post('/tunnels/:id/endpoint', ctx => this.#changeEndpoint(ctx))
    router.post('/tunnels/:id/key', ctx => this.#renewKey(ctx))
    router.post('/tunnels/:id/delete', ctx => this.#delete(ctx))
    const askAgain = (ctx: Context, tunnel: Tunnel) => this.#page(ctx, tunnel, { isReturnUnsure: true })
    new RoutedPages(this.#options, askAgain).mount(router)
    new PublicKeyPages(this.#options).mount(router)
    new MtuPages(this.#options).mount(router)
  }

  async #show(ctx: Context): Promise<void> {
    const { signIns, cookie, registrar } = this.#options
    const id = idOf(ctx)
    const token = ctx.method === 'GET' && typeof ctx.query.first === 'string' ? ctx.query.first : ''
    const first = signIns.takeFirstView(id, token)
    if (first !== undefined) keepUnlessSent(ctx, { signIns, token })
    if (first === undefined && !signIns.isOpen(id, cookie.tokensIn(ctx))) {
      this.#options.signInPages.show(ctx, { reference: id })
      return
    }
    const tunnel = this.#found(id)
    if (tunnel === undefined) throw refuse(problem('not-found', { case: 'taken-down' }))
    const { tunnel: awoken, warnings } = await registrar.visit(tunnel)
    this.#page(ctx, awoken, { wakeProblems: warnings, ...(first === undefined ? {} : { first }) })
  }

  #page(ctx: Context, tunnel: Tunnel, occasion: Occasion): void {
    const { facts, history, lifecycle, publicUrl, scripts, views, words } = this.#options
    const { wishes } = this.#options.correspondence
    const language = languageOf(ctx, words)
    const state = stateOf(tunnel)
    const endpointProblems = describe(occasion.endpointProblems ?? [], language)
    const name = nameOf(tunnel, facts.origin)
    const key = occasion.first?.key ?? ''
    views.send(ctx, 'tunnel', {
      title: endpointProblems.length > 0 ? language.sentence('correct', { title: name }) : name,
      tunnel: tunnelText(tunnel),
      name,
      created: minuteOf(tunnel.creationTime),
      state,
      isWireguard: tunnel.kind.publicKey !== undefined,
      publicKey: tunnel.kind.publicKey ?? '',
      mtu: mtuOf(tunnel, facts),
      leastMtu: SMALLEST_MTU,
      mostMtu: largestMtu(tunnel, facts),
      chosenMtu: occasion.first?.typed?.mtu ?? tunnel.mtu ?? '',
      configuration: scripts.configuration(tunnel),
      routedNotes: scripts.routedNotes(tunnel, language.tag),
      stateWords: stageWords(tunnel, lifecycle.endOf(tunnel), language),
      since: minuteOf(tunnel.dormant?.since ?? tunnel.stateSince),
      fault: lifecycle.faultOf(tunnel.id) ?? '',
      traffic: trafficWords(this.#options.traffic.of(tunnel.id), language),
      missed: Math.max(0, tunnel.unreachable),
      probeSeconds: Math.round(facts.probeIntervalMs / 1000),
      firstAnswer: language.duration(facts.firstAnswerMs / 1000),
      keep: language.duration(facts.keepMs / 1000),
      negativeTtl: language.duration(facts.negativeTtl()),
      lastHour: lastHour(history, tunnel.id, language),
      freshKey: key,
      keyFile: keyFile(language.sentence('key-file', { name, id: tunnel.id, key, url: this.#urlOf(tunnel) })),
      warnings: describe(
        [...(occasion.first?.warnings ?? []), ...(occasion.wakeProblems ?? [])],
        language,
      ).map(({ detail }) => detail),
      endpointProblems,
      typedIpv4: occasion.typedIpv4 ?? occasion.first?.typed?.ipv4 ?? '',
      typedPublicKey: occasion.first?.typed?.public_key ?? '',
      presentIpv4: this.#otherAddress(ctx, tunnel),
      isDeleteUnsure: occasion.isDeleteUnsure ?? false,
      isKeyUnsure: occasion.isKeyUnsure ?? false,
      isMoveUnsure: occasion.isMoveUnsure ?? false,
      isReturnUnsure: occasion.isReturnUnsure ?? false,
      names: this.#namesOf(tunnel),
      hasMail: wishes.offersAny,
      unconfirmed: wishes.of(tunnel.id)?.ways.filter(({ isConfirmed }) => !isConfirmed) ?? [],
      updateUrl: `${publicUrl}${UPDATE_PATH}`,
      ...this.#scriptValues(ctx, tunnel),
      ...this.#updateLines(ctx, tunnel),
    })
  }

  /** What the nameserver answers at this moment, and a line that asks it from anywhere. */
  #namesOf(tunnel: Tunnel): Readonly<Record<'addresses' | 'names' | 'command', string>> {
    const { facts, published } = this.#options
    const { addresses, names } = published.of(tunnel)
    const command = `dig +short ${nameOf(tunnel, facts.origin)} AAAA; dig +short -x ${formatIpv6(tunnel.ipv6Client)}`
    return { addresses: addresses.join(', '), names: names.join(', '), command }
  }

  /** How update clients move both ends. */
  #updateLines(ctx: Context, tunnel: Tunnel): Readonly<Record<string, unknown>> {
    const { facts, publicUrl } = this.#options
    const hasShellScript = this.#system(ctx, tunnel)?.ending === 'sh'
    const of = { id: tunnel.id, name: nameOf(tunnel, facts.origin), publicUrl, hasShellScript }
    return {
      hasShellScript,
      followPath: FOLLOW_PATH,
      curlPath: CURL_PATH,
      followLines: followLines(),
      ddclientLines: ddclientLines(of),
      inadynLines: inadynLines(of),
      curlLines: curlLines(of),
      cronLine: cronLine(of),
    }
  }

  /** The system that the query names, or the one that was registered. */
  #system(ctx: Context, tunnel: Tunnel): OperatingSystem | undefined {
    const systems = this.#systemsFor(ctx)
    const wanted = typeof ctx.query.os === 'string' ? systems.find(ctx.query.os) : undefined
    const fits = (entry: OperatingSystem | undefined) => entry?.files.has(tunnel.kind.name) === true
    return [wanted, systems.find(tunnel.os), ...systems.all].find(fits)
  }

  #scriptValues(ctx: Context, tunnel: Tunnel): Readonly<Record<string, unknown>> {
    const { scripts } = this.#options
    const fitting = this.#systemsFor(ctx).all.filter(({ files }) => files.has(tunnel.kind.name))
    const system = this.#system(ctx, tunnel)
    const os = system?.id ?? ''
    const api = `${this.#options.publicUrl}/api/v1/tunnels/${tunnel.id}`
    const steps = firstSteps(system?.ending ?? 'sh', `${api}/script?os=${os}&action=up`)
    const language = languageOf(ctx, this.#options.words)
    return {
      steps: steps.map(({ sentence, command }, at) => ({ at, words: language.sentence(sentence), command })),
      system,
      systems: fitting.map(entry => ({ ...entry, chosen: entry.id === os })),
      notes: scripts.notes(tunnel, { os, language: language.tag }),
      scripts: ACTIONS.map(action => ({
        action,
        isUp: action === 'up',
        file: scriptFileName(action, system?.ending ?? 'sh'),
        text: scripts.script(tunnel, { os, action, language: language.tag }) ?? '',
      })),
    }
  }

  #systemsFor(ctx: Context): OperatingSystems {
    return this.#options.systems.in(languageOf(ctx, this.#options.words).tag)
  }

  /** The visitor's IPv4 address where it is not the tunnel's: a moved host will want it, a guest in a café will not. */
  #otherAddress(ctx: Context, tunnel: Tunnel): string {
    const { address, family } = this.#visitor(ctx)
    return family === 4 && address !== tunnel.ipv4Client ? address : ''
  }

  async #download(ctx: Context): Promise<void> {
    const tunnel = await this.#options.registrar.wake(signedInTunnel(ctx, this.#options))
    const { os = tunnel.os, action = 'up' } = ctx.query
    const system = this.#options.systems.find(String(os))
    if (system === undefined || typeof action !== 'string' || !isAction(action))
      throw refuse(problem('not-found', { case: 'script' }))
    ctx.type = 'text/plain'
    ctx.set('cache-control', 'no-store')
    ctx.set('content-disposition', `attachment; filename="${scriptFileName(action, system.ending)}"`)
    const language = languageOf(ctx, this.#options.words).tag
    ctx.body = this.#options.scripts.script(tunnel, { os: system.id, action, language }) ?? ''
  }

  async #changeEndpoint(ctx: Context): Promise<void> {
    const { ipv4 = '', present = '', sure = '' } = await readForm(ctx.req)
    if (!isSignedIn(ctx, this.#options) && wantsPage(ctx)) {
      this.#options.signInPages.askFirst(ctx, { ipv4 })
      return
    }
    const tunnel = signedInTunnel(ctx, this.#options)
    if (present !== '' && sure !== 'yes') {
      ctx.status = 400
      this.#page(ctx, tunnel, { isMoveUnsure: true })
      return
    }
    const outcome = await this.#options.registrar.changeEndpoint(tunnel, ipv4, this.#visitor(ctx))
    if (outcome.kind === 'moved') {
      seeOther(ctx, this.#pageAfterMove(tunnel.id, outcome.warnings))
      return
    }
    ctx.status = statusOf(outcome.problems)
    ctx.set({ ...retryAfter(outcome.problems) })
    this.#page(ctx, tunnel, { endpointProblems: outcome.problems, typedIpv4: ipv4 })
  }

  #pageAfterMove(id: string, warnings: readonly Problem[]): string {
    if (warnings.length === 0) return `/tunnels/${id}`
    const view = { key: '', warnings }
    return `/tunnels/${id}?first=${this.#options.signIns.keepFirstView(id, view)}`
  }

  #urlOf({ id }: Tunnel): string {
    return `${this.#options.publicUrl}/tunnels/${id}`
  }

  async #renewKey(ctx: Context): Promise<void> {
    const tunnel = signedInTunnel(ctx, this.#options)
    const { sure = '' } = await readForm(ctx.req)
    if (sure !== 'yes') {
      ctx.status = 400
      this.#page(ctx, tunnel, { isKeyUnsure: true })
      return
    }
    const { cookie, registrar, signIns } = this.#options
    const renewal = await registrar.renewKey(tunnel)
    if (renewal.kind === 'refused') throw new Refused(renewal.problems)
    cookie.send(ctx, signIns.open(tunnel.id))
    const token = signIns.keepFirstView(tunnel.id, { key: renewal.key, warnings: [] })
    seeOther(ctx, `/tunnels/${tunnel.id}?first=${token}`)
  }

  async #delete(ctx: Context): Promise<void> {
    const tunnel = signedInTunnel(ctx, this.#options)
    const { sure = '' } = await readForm(ctx.req)
    if (sure !== 'yes') {
      ctx.status = 400
      this.#page(ctx, tunnel, { isDeleteUnsure: true })
      return
    }
    const outcome = await this.#options.registrar.delete(tunnel)
    if (outcome.kind === 'refused') throw new Refused(outcome.problems)
    this.#options.signIns.close(tunnel.id)
    this.#deletedPage(ctx, tunnel)
  }

  /** With the undo once more: its download is gone with the tunnel. */
  #deletedPage(ctx: Context, tunnel: Tunnel): void {
    const { views, facts, scripts, words } = this.#options
    const language = languageOf(ctx, words)
    const undo = scripts.script(tunnel, { os: tunnel.os, action: 'down', language: language.tag })
    views.send(ctx, 'deleted', {
      title: language.sentence('deleted'),
      name: nameOf(tunnel, facts.origin),
      undo: undo ?? '',
    })
  }

  #found(id: string): Tunnel | undefined {
    const { table } = this.#options
    return table.byId(id) ?? table.dormant.byId(id)
  }

  #visitor(ctx: Context): VisitorAddress {
    return visitorOf(ctx.req, this.#options.trustedProxies)
  }
}

/** Empty if nobody has counted. */
function trafficWords(octets: Octets | undefined, language: Language): string {
  if (octets === undefined) return ''
  const { received, sent } = octets
  return language.sentence('traffic', { received: language.octets(received), sent: language.octets(sent) })
}

/** A link that saves a text without a script and without asking us again. */
function keyFile(text: string): string {
  return `data:text/plain;charset=utf-8,${encodeURIComponent(text)}`
}
