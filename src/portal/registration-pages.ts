import { dirname } from 'node:path'
import type Router from '@koa/router'
import type { Context } from 'koa'
import type { Refusal } from '../lifecycle/refusal.ts'
import type { Correspondence } from '../mail/correspondence.ts'
import type { RegistrationInput } from '../registration/admission.ts'
import { lowerCaseAscii } from '../registration/ascii.ts'
import { countriesIn } from '../registration/country.ts'
import { OnceEach, OTHER_CONTENT } from '../registration/once-each.ts'
import type { Registrar } from '../registration/registrar.ts'
import { type VisitorAddress, visitorKind } from '../registration/visitor.ts'
import { type Field, PROBLEMS, type Problem, type ProblemCode, problem } from '../shared/problem.ts'
import type { Language } from '../words/language.ts'
import { readForm } from './body.ts'
import { describe } from './describe.ts'
import { marked } from './mark-up.ts'
import { requirementsOf } from './operating-systems.ts'
import type { PortalOptions } from './options.ts'
import { queryValue } from './query.ts'
import { refuseByPage } from './refusal-note.ts'
import { Refused, refuse } from './refused.ts'
import { languageOf, seeOther, wantsPage } from './reply.ts'
import type { SessionCookie } from './session-cookie.ts'
import type { SignIns } from './sign-in.ts'
import type { OperatingSystem } from './system-manifest.ts'
import type { Views } from './views.ts'
import { isByUnnamedProxy, visitorOf } from './visitor.ts'

export interface RegistrationPagesOptions
  extends Pick<PortalOptions, 'trustedProxies' | 'customers' | 'facts' | 'words' | 'systems' | 'entry'> {
  readonly publicUrl: string
  /** Where visitors come over IPv4 alone, or else the public URL. */
  readonly ipv4Url: string
  readonly correspondence: Correspondence
  readonly registrar: Registrar
  readonly signIns: SignIns
  readonly cookie: SessionCookie
  readonly views: Views
}

type Typed = Readonly<Record<Exclude<Field, 'webhook'> | 'kind' | 'routed_prefix', string>>

/** What came of a form: a tunnel, whose key waits for the first view of its page behind a token. */
type FormOutcome = { readonly kind: 'registered'; readonly id: string; readonly token: string } | Refusal

const FIELDS: readonly Field[] = ['ipv4', 'public_key', 'nicname', 'country', 'os', 'invitation', 'email']
const NOTHING_TYPED: Typed = {
  ipv4: '',
  public_key: '',
  nicname: '',
  country: '',
  os: '',
  invitation: '',
  email: '',
  kind: '',
  routed_prefix: '',
}
/** The kind for whom nobody can reach by protocol 41. */
const BEHIND_NAT = 'wireguard'
/**
 * Refusals of an endpoint: a tunnel that has none is not refused for it. An address is in use by another host behind the
 * same NAT, mostly.
 */
const SOLVED_BY_WIREGUARD: ReadonlySet<ProblemCode> = new Set([
  'ipv4-private',
  'ipv4-shared',
  'ipv4-special',
  'ipv4-own',
  'ipv4-not-yours',
  'ipv4-in-use',
  'ipv4-unreachable',
])

/** The draft's form, with what each system needs. */
export class RegistrationPages {
  readonly #options: RegistrationPagesOptions
  /** A double click, a reload or a second try after a closed tab leads to the key, until it was seen. */
  readonly #forms = new OnceEach<FormOutcome>(
    outcome => outcome.kind === 'registered' && this.#options.signIns.hasFirstView(outcome.id, outcome.token),
  )

  constructor(options: RegistrationPagesOptions) {
    this.#options = options
  }

  /** What came of forms, for whoever sends one again. */
  get forms(): OnceEach<FormOutcome> {
    return this.#forms
  }

  mount(router: Router): void {
    router.get('/register/:os', ctx => this.#form(ctx, ctx.params.os ?? ''))
    router.post('/register', ctx => this.#register(ctx))
    router.get('/errors', ctx => this.#errors(ctx))
  }

  /** The IPv4 address is pre-filled from the request, as the draft has it, and never from anything else. */
  #form(ctx: Context, os: string): void {
    const { systems, facts } = this.#options
    const system = systems.having(facts.offered).find(os)
    if (system === undefined) throw refuse(problem('not-found', { case: 'system' }))
    const visitor = this.#visitor(ctx)
    const isHidden = this.#isHidden(ctx)
    const ipv4 = visitor.family === 4 && !isHidden ? visitor.address : ''
    const suggested = isHidden ? BEHIND_NAT : suggestedKind(visitor)
    const wanted = queryValue(ctx, 'kind') ?? suggested
    const kind = this.#kindFor(system, wanted)
    const typed = { ...NOTHING_TYPED, ipv4, os: system.id, kind }
    this.#formPage(ctx, system, { typed, problems: [] })
  }

  async #register(ctx: Context): Promise<void> {
    const form = await readForm(ctx.req)
    const { os = '' } = form
    const typed = typedIn(form)
    if (form.switch !== undefined) {
      this.#formPage(ctx, this.#options.systems.find(os), { typed, problems: [] })
      return
    }
    const owner = this.#options.customers.keyOf(this.#visitor(ctx))
    const outcome = await this.#forms.do({ owner, name: nameOfForm(typed) }, () => this.#do(ctx, typed))
    if (outcome === OTHER_CONTENT) throw new RangeError('forms are told apart by all that is in them')
    if (outcome.kind === 'refused') {
      if (!wantsPage(ctx)) throw new Refused(outcome.problems)
      refuseByPage(ctx, outcome.problems)
      this.#formPage(ctx, this.#options.systems.find(os), { typed, problems: outcome.problems })
      return
    }
    const { signIns, cookie } = this.#options
    cookie.send(ctx, signIns.open(outcome.id))
    seeOther(ctx, `/tunnels/${outcome.id}?first=${outcome.token}`)
  }

  async #do(ctx: Context, typed: Typed): Promise<FormOutcome> {
    const outcome = await this.#options.registrar.register(
      registrationOf(typed, this.#language(ctx).tag),
      this.#visitor(ctx),
    )
    if (outcome.kind === 'refused') return outcome
    const { tunnel, key, warnings } = outcome
    const token = this.#options.signIns.keepFirstView(tunnel.id, { key, warnings })
    return { kind: 'registered', id: tunnel.id, token }
  }

  #formPage(
    ctx: Context,
    chosen: OperatingSystem | undefined,
    { typed, problems }: { readonly typed: Typed; readonly problems: readonly Problem[] },
  ): void {
    const visitor = this.#visitor(ctx)
    const isHidden = this.#isHidden(ctx)
    const language = this.#language(ctx)
    const systems = this.#options.systems.in(language.tag)
    const system = systems.find(chosen?.id ?? '')
    const described = describe(problems, language)
    const countries = countriesIn(language.tag)
    const title = language.sentence('register', { system: system?.title ?? language.sentence('your-host') })
    const country = typed.country.toLowerCase()
    this.#options.views.send(ctx, 'register', {
      title: problems.length > 0 ? language.sentence('correct', { title }) : title,
      heading: title,
      required: system && requiredOf(system, typed.kind),
      visitor,
      isIpv6: visitor.family === 6 && !isHidden,
      isFilled: problems.length === 0 && !isHidden,
      isFromProxy: visitor.source === 'proxy',
      visitorWords: marked(
        isHidden
          ? language.sentence('visitor-proxied')
          : visitorWords(visitor, { kind: typed.kind, language }),
      ),
      looksAtHost:
        !isHidden && (visitor.family === 6 ? this.#ipv4Page() !== '' : visitorKind(visitor) === undefined),
      overIpv4: language.sentence('over-ipv4', { url: this.#options.publicUrl }),
      ipv4Page: this.#ipv4Page(),
      typed,
      isInvited: this.#options.entry.areInvitationsRequired,
      isWireguard: typed.kind === 'wireguard',
      otherKind: this.#otherKind(typed.kind, system),
      needsOtherKind: problems.some(({ code }) => SOLVED_BY_WIREGUARD.has(code)),
      ...keyPlaceOf(system, typed.kind),
      problems: described.map(entry => ({
        ...entry,
        field: FIELDS.find(field => field === entry.field) ?? '',
      })),
      byField: Object.fromEntries(
        FIELDS.map(field => [field, described.find(entry => entry.field === field)?.detail ?? '']),
      ),
      hasTunnel: problems.some(({ code }) => code === 'ipv4-in-use'),
      countries: countries.map(entry => ({ ...entry, chosen: entry.code === country })),
      unknownCountry: countries.some(entry => entry.code === country) ? '' : typed.country,
      systems: systems.all
        .filter(({ files }) => files.has(typed.kind))
        .map(entry => ({ ...entry, chosen: entry.id === system?.id })),
      offersMail: this.#options.correspondence.wishes.offers('email'),
      unknownOs: system === undefined ? typed.os : '',
    })
  }

  /** The wanted kind if it is offered and the system has scripts for it, else what it has. */
  #kindFor({ files }: OperatingSystem, wanted: string): string {
    const kinds = this.#options.facts.offered.filter(kind => files.has(kind))
    return kinds.includes(wanted) ? wanted : (kinds[0] ?? wanted)
  }

  /** What the form can be switched to; empty: nothing else is offered, or the system has no scripts for it. */
  #otherKind(kind: string, system: OperatingSystem | undefined): string {
    const fits = (other: string) => other !== kind && system?.files.has(other) !== false
    return this.#options.facts.offered.find(fits) ?? ''
  }

  /** What shows a browser its IPv4 address, whatever else it has; empty: nothing does. */
  #ipv4Page(): string {
    const { ipv4Url, publicUrl } = this.#options
    return ipv4Url === publicUrl ? '' : `${ipv4Url}/ip`
  }

  #language(ctx: Context): Language {
    return languageOf(ctx, this.#options.words)
  }

  #errors(ctx: Context): void {
    const language = this.#language(ctx)
    const codes = Object.keys(PROBLEMS) as ProblemCode[]
    this.#options.views.send(ctx, 'errors', {
      title: language.sentence('errors'),
      codes: codes.map(code => ({ code, status: PROBLEMS[code].status, title: language.title(code) })),
    })
  }

  /** Whether all that is seen of the visitor is a proxy's address. */
  #isHidden(ctx: Context): boolean {
    return isByUnnamedProxy(ctx.req, this.#options.trustedProxies)
  }

  #visitor(ctx: Context): VisitorAddress {
    return visitorOf(ctx.req, this.#options.trustedProxies)
  }
}

/** With each check as a template takes it: it is a command, or words. */
function requiredOf(system: OperatingSystem, kind: string): object {
  const required = requirementsOf(system, kind)
  return { ...required, checks: required.checks.map(check => ({ command: '', words: '', ...check })) }
}

/** Where a shell on the system puts a private key; empty: it is made otherwise, or nobody knows which system it is. */
function keyPlaceOf(system: OperatingSystem | undefined, kind: string) {
  const { key_file: keyFile = '' } = system === undefined ? {} : requirementsOf(system, kind)
  return { keyFile, keyFolder: dirname(keyFile) }
}

/** A visitor that is seen behind a NAT, or without IPv4, needs no address of its own for WireGuard. */
function suggestedKind(visitor: VisitorAddress): string {
  const kind = visitorKind(visitor)
  return kind === 'private' || kind === 'shared' || visitor.family === 6 ? BEHIND_NAT : ''
}

function typedIn(form: Readonly<Record<string, string>>): Typed {
  const typed = Object.keys(NOTHING_TYPED).map(name => [name, form[name] ?? ''])
  return { ...NOTHING_TYPED, ...Object.fromEntries(typed), kind: form.switch ?? (form.kind || 'sit') }
}

/** A tunnel that comes back keeps the address it has if none is typed. */
function registrationOf(
  { public_key, routed_prefix, email, ...fields }: Typed,
  language: string,
): RegistrationInput {
  const contact = email === '' ? {} : { contact: { email, language } }
  const typed = { ...fields, ...contact, wantsRouted: routed_prefix !== '' }
  return typed.kind === 'wireguard' ? { ...typed, ipv4: '', details: { publicKey: public_key } } : typed
}

/** All fields as the checks will take them: two forms with the same name ask for the same tunnel. */
function nameOfForm({ nicname, country, ...others }: Typed): string {
  const fields = { ...others, nicname: lowerCaseAscii(nicname), country: lowerCaseAscii(country) }
  return JSON.stringify(Object.entries(fields).sort())
}

/** What the visitor's address means for a tunnel; empty if it means nothing in particular. */
function visitorWords(
  visitor: VisitorAddress,
  { kind, language }: { readonly kind: string; readonly language: Language },
): string {
  const seen = visitorKind(visitor)
  if (seen === undefined) return ''
  if (kind === BEHIND_NAT && seen !== 'loopback') return language.sentence(`visitor-nat-${seen}`)
  return language.sentence(`visitor-${seen}`)
}
