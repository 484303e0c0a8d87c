import type Router from '@koa/router'
import type { Context } from 'koa'
import { COUNTRIES } from '../registration/country.ts'
import { Refused, refuse } from '../registration/refusal-error.ts'
import type { Registrar } from '../registration/registrar.ts'
import { type VisitorAddress, visitorWords } from '../registration/visitor.ts'
import { type Field, PROBLEMS, type Problem, statusOf } from '../shared/problem.ts'
import { readForm } from './body.ts'
import { OPERATING_SYSTEMS, type OperatingSystem, operatingSystem } from './operating-system.ts'
import type { PortalOptions } from './options.ts'
import { seeOther, wantsPage } from './reply.ts'
import type { SignIns } from './sign-in.ts'
import type { Views } from './views.ts'
import { visitorOf } from './visitor.ts'

export interface RegistrationPagesOptions extends Pick<PortalOptions, 'trustedProxies'> {
  readonly publicUrl: string
  readonly registrar: Registrar
  readonly signIns: SignIns
  readonly views: Views
}

type Typed = Readonly<Record<Field, string>>

const FIELDS: readonly Field[] = ['ipv4', 'nicname', 'country', 'os']

/** The draft's first pages: pointers to the systems, what each needs, and the form. */
export class RegistrationPages {
  readonly #options: RegistrationPagesOptions

  constructor(options: RegistrationPagesOptions) {
    this.#options = options
  }

  mount(router: Router): void {
    router.get('/', ctx => this.#landing(ctx))
    router.get('/register/:os', ctx => this.#form(ctx, ctx.params.os ?? ''))
    router.post('/register', ctx => this.#register(ctx))
    router.get('/errors', ctx => this.#errors(ctx))
  }

  #landing(ctx: Context): void {
    const visitor = this.#visitor(ctx)
    this.#options.views.send(ctx, 'landing', {
      title: 'IPv6 for your host, over IPv4',
      systems: OPERATING_SYSTEMS,
      visitor,
      isFromProxy: visitor.source === 'proxy',
      visitorWords: visitorWords(visitor),
      publicUrl: this.#options.publicUrl,
    })
  }

  /** The IPv4 address is pre-filled from the request, as the draft has it, and never from anything else. */
  #form(ctx: Context, os: string): void {
    const system = operatingSystem(os)
    if (system === undefined) throw refuse('not-found', 'There is no page for this operating system.')
    const { address, family } = this.#visitor(ctx)
    const typed = { ipv4: family === 4 ? address : '', nicname: '', country: '', os: system.id }
    this.#formPage(ctx, system, { typed, problems: [] })
  }

  async #register(ctx: Context): Promise<void> {
    const { ipv4 = '', nicname = '', country = '', os = '' } = await readForm(ctx.req)
    const typed = { ipv4, nicname, country, os }
    const { registrar, signIns } = this.#options
    try {
      const { tunnel, key, warnings } = await registrar.register(typed, this.#visitor(ctx))
      const view = { key, warnings: warnings.map(warning => warning.detail) }
      ctx.append('set-cookie', signIns.open(tunnel.id))
      seeOther(ctx, `/tunnels/${tunnel.id}?first=${signIns.keepFirstView(tunnel.id, view)}`)
    } catch (error) {
      if (!(error instanceof Refused) || !wantsPage(ctx)) throw error
      ctx.status = statusOf(error.problems)
      ctx.set({ ...error.headers })
      this.#formPage(ctx, operatingSystem(os.trim()), { typed, problems: error.problems })
    }
  }

  #formPage(
    ctx: Context,
    system: OperatingSystem | undefined,
    { typed, problems }: { readonly typed: Typed; readonly problems: readonly Problem[] },
  ): void {
    const visitor = this.#visitor(ctx)
    const country = typed.country.trim().toLowerCase()
    this.#options.views.send(ctx, 'register', {
      title: `${problems.length > 0 ? 'Please correct: ' : ''}A tunnel for ${system?.title ?? 'your host'}`,
      system,
      visitor,
      isIpv6: visitor.family === 6,
      isFromProxy: visitor.source === 'proxy',
      visitorWords: visitorWords(visitor),
      typed,
      problems: problems.map(problem => ({ ...problem, field: problem.field ?? '' })),
      byField: Object.fromEntries(
        FIELDS.map(field => [field, problems.find(problem => problem.field === field)?.detail ?? '']),
      ),
      hasTunnel: problems.some(problem => problem.code === 'ipv4-in-use'),
      countries: COUNTRIES.map(entry => ({ ...entry, chosen: entry.code === country })),
      unknownCountry: COUNTRIES.some(entry => entry.code === country) ? '' : typed.country.trim(),
      systems: OPERATING_SYSTEMS.map(entry => ({ ...entry, chosen: entry.id === system?.id })),
      unknownOs: system === undefined ? typed.os.trim() : '',
    })
  }

  #errors(ctx: Context): void {
    const codes = Object.entries(PROBLEMS).map(([code, { status, title }]) => ({ code, status, title }))
    this.#options.views.send(ctx, 'errors', { title: 'Error codes', codes })
  }

  #visitor(ctx: Context): VisitorAddress {
    return visitorOf(ctx.req, this.#options.trustedProxies)
  }
}
