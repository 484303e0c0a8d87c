import type { Context } from 'koa'
import { formatIpv6 } from '../address/ipv6.ts'
import { type Correspondence, troubleOf } from '../mail/correspondence.ts'
import { formatEndpoint } from '../shared/endpoint.ts'
import { minuteOf } from '../shared/minute.ts'
import type { Problem } from '../shared/problem.ts'
import type { Octets } from '../tunnel/interface.ts'
import { largestMtu, mtuOf, SMALLEST_MTU } from '../tunnel/mtu.ts'
import { nameOf, stateOf, stateSinceOf, type Tunnel, tunnelText } from '../tunnel/tunnel.ts'
import type { Language } from '../words/language.ts'
import { describe } from './describe.ts'
import type { Change } from './done-changes.ts'
import { UPDATE_PATH } from './dyndns2.ts'
import { firstSteps, keepCommand } from './first-steps.ts'
import { lastHour } from './history-pages.ts'
import type { RefusedForm } from './mtu-pages.ts'
import type { OperatingSystems } from './operating-systems.ts'
import type { PortalOptions } from './options.ts'
import { queryValue } from './query.ts'
import { languageOf, NEXT_VIEW } from './reply.ts'
import type { FirstView } from './sign-in.ts'
import { stageWords, unwokenWords } from './stage-words.ts'
import type { OperatingSystem } from './system-manifest.ts'
import { ACTIONS, scriptFileName, type TunnelScripts } from './tunnel-scripts.ts'
import { questionValues, unaskedIn } from './unasked.ts'
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

export interface TunnelViewOptions
  extends Pick<
    PortalOptions,
    'trustedProxies' | 'facts' | 'history' | 'traffic' | 'published' | 'lifecycle' | 'words' | 'systems'
  > {
  readonly publicUrl: string
  /** Where visitors come over IPv4 alone, or else the public URL. */
  readonly ipv4Url: string
  readonly scripts: TunnelScripts
  readonly views: Views
  readonly correspondence: Correspondence
}

/** What a view of the tunnel's page has beyond the tunnel itself. */
export interface Occasion {
  readonly first?: FirstView
  readonly endpointProblems?: readonly Problem[]
  /** Why it could not be woken. */
  readonly wakeProblems?: readonly Problem[]
  readonly typedIpv4?: string
  readonly refusedForm?: RefusedForm
  readonly isDeleteUnsure?: boolean
  readonly isKeyUnsure?: boolean
  readonly isMoveUnsure?: boolean
  readonly isReturnUnsure?: boolean
  /** What its owner has changed just now. */
  readonly done?: Change | undefined
}

/** The tunnel's page: how it fares, its names, its scripts, and how it is changed. */
export class TunnelView {
  readonly #options: TunnelViewOptions

  constructor(options: TunnelViewOptions) {
    this.#options = options
  }

  send(ctx: Context, tunnel: Tunnel, occasion: Occasion): void {
    const { facts, history, lifecycle, ipv4Url, scripts, views, words } = this.#options
    const { correspondence } = this.#options
    const { wishes } = correspondence
    const language = languageOf(ctx, words)
    const state = stateOf(tunnel)
    const endpointProblems = describe(occasion.endpointProblems ?? [], language)
    const name = nameOf(tunnel, facts.origin)
    const key = occasion.first?.key ?? ''
    const { waitOf, others: firstWarnings } = unaskedIn(occasion.first?.warnings ?? [], language)
    const unconfirmed = (wishes.of(tunnel.id)?.ways ?? [])
      .filter(({ isConfirmed }) => !isConfirmed)
      .map(way => ({
        ...way,
        isReached: troubleOf(correspondence, way) !== 'unreached',
        isRefused: troubleOf(correspondence, way) === 'refused',
        ...questionValues(wishes.questionTo(tunnel.id, way)),
        wait: waitOf(way.kind),
      }))
    const heardFrom = lifecycle.heardFrom(tunnel)
    const nameTrouble = lifecycle.nameTroubleOf(tunnel)
    const warnings = [
      ...firstWarnings,
      ...(occasion.wakeProblems ?? []),
      ...(nameTrouble ? [nameTrouble] : []),
    ]
    const wordsOf = hasFailedToWake(occasion) ? unwokenWords : stageWords
    views.send(ctx, 'tunnel', {
      title:
        endpointProblems.length > 0 || occasion.refusedForm !== undefined
          ? language.sentence('correct', { title: name })
          : name,
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
      stateWords: wordsOf(tunnel, lifecycle.endOf(tunnel), language),
      since: minuteOf(stateSinceOf(tunnel)),
      fault: lifecycle.faultOf(tunnel.id) ?? '',
      heardFrom: heardFrom === undefined ? '' : formatEndpoint(heardFrom),
      traffic: trafficWords(this.#options.traffic.of(tunnel.id), language),
      missed: Math.max(0, tunnel.unreachable),
      probeSeconds: Math.round(facts.probeIntervalMs / 1000),
      firstAnswer: language.duration(facts.firstAnswerMs / 1000),
      keep: language.duration(facts.keepMs / 1000),
      negativeTtl: language.duration(facts.negativeTtl()),
      lastHour: lastHour(history, tunnel.id, language),
      freshKey: key,
      nextView: ctx.state[NEXT_VIEW] ?? '',
      keyFile: keyFile(language.sentence('key-file', { name, id: tunnel.id, key, url: this.#urlOf(tunnel) })),
      warnings: describe(warnings, language).map(({ detail }) => detail),
      done: doneValues(occasion.done),
      endpointProblems,
      typedIpv4: occasion.typedIpv4 ?? occasion.first?.typed?.ipv4 ?? '',
      typedPublicKey: occasion.first?.typed?.public_key ?? '',
      ...refusedFormValues(occasion.refusedForm, language),
      presentIpv4: this.#otherAddress(ctx, tunnel),
      isDeleteUnsure: occasion.isDeleteUnsure ?? false,
      isKeyUnsure: occasion.isKeyUnsure ?? false,
      isMoveUnsure: occasion.isMoveUnsure ?? false,
      isReturnUnsure: occasion.isReturnUnsure ?? false,
      names: this.#namesOf(tunnel),
      hasMail: wishes.offersAny,
      unasked: unconfirmed.filter(({ wait }) => wait !== ''),
      unconfirmed: unconfirmed.filter(({ wait }) => wait === ''),
      updateUrl: `${ipv4Url}${UPDATE_PATH}`,
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
    const { facts, ipv4Url } = this.#options
    const system = this.#system(ctx, tunnel)
    const hasShellScript = system?.ending === 'sh'
    const of = { id: tunnel.id, name: nameOf(tunnel, facts.origin), url: ipv4Url, hasShellScript }
    return {
      hasShellScript,
      followPath: FOLLOW_PATH,
      curlPath: CURL_PATH,
      followLines: followLines(),
      keepCommand: system === undefined ? '' : keepCommand(system),
      ddclientLines: ddclientLines(of),
      inadynLines: inadynLines(of),
      curlLines: curlLines(of),
      cronLine: cronLine(of),
      cronCommand: system?.steps?.cron ?? '',
    }
  }

  /** The system that the query names, or the one that was registered. */
  #system(ctx: Context, tunnel: Tunnel): OperatingSystem | undefined {
    const systems = this.#systemsFor(ctx)
    const wanted = systems.find(queryValue(ctx, 'os') ?? '')
    const fits = (entry: OperatingSystem | undefined) => entry?.files.has(tunnel.kind.name) === true
    return [wanted, systems.find(tunnel.os), ...systems.all].find(fits)
  }

  #scriptValues(ctx: Context, tunnel: Tunnel): Readonly<Record<string, unknown>> {
    const { scripts } = this.#options
    const fitting = this.#systemsFor(ctx).all.filter(({ files }) => files.has(tunnel.kind.name))
    const system = this.#system(ctx, tunnel)
    const os = system?.id ?? ''
    const api = `${this.#options.publicUrl}/api/v1/tunnels/${tunnel.id}`
    const url = `${api}/script?os=${os}&action=up`
    const steps = system === undefined ? [] : firstSteps(system, url)
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

  /** The visitor's IPv4 address if it is not the tunnel's: a moved host will want it, a guest in a café will not. */
  #otherAddress(ctx: Context, tunnel: Tunnel): string {
    const { address, family } = visitorOf(ctx.req, this.#options.trustedProxies)
    return family === 4 && address !== tunnel.ipv4Client ? address : ''
  }

  #urlOf({ id }: Tunnel): string {
    return `${this.#options.publicUrl}/tunnels/${id}`
  }
}

/** The values of a form that is shown again, over those that it has else. */
function refusedFormValues(
  refused: RefusedForm | undefined,
  language: Language,
): Readonly<Record<string, unknown>> {
  if (refused === undefined) return {}
  const formProblems = describe(refused.problems, language)
  return refused.field === 'mtu'
    ? { formProblems, chosenMtu: refused.typed, isMtuWrong: true }
    : { formProblems, typedPublicKey: refused.typed, isPublicKeyWrong: true }
}

/** Whether the tunnel was asked to wake, as it is or at an address that a host may have, and could not. */
function hasFailedToWake({ wakeProblems = [], endpointProblems = [] }: Occasion): boolean {
  return wakeProblems.length > 0 || endpointProblems.some(({ code }) => OF_WAKING.includes(code))
}

const OF_WAKING: readonly string[] = ['ipv4-in-use', 'interface-fault']

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

/** Where on the page a change is told: each form leads back to the part that has it. */
function doneValues(change: Change | undefined) {
  return {
    endpoint: change === 'endpoint',
    publicKey: change === 'public-key',
    mtu: change === 'mtu',
    routed: change === 'routed',
    returned: change === 'returned',
  }
}
