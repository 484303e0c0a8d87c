import type Router from '@koa/router'
import type { Context } from 'koa'
import type { Language } from '../words/language.ts'
import { guessSystem } from './guess-system.ts'
import { marked } from './mark-up.ts'
import type { PortalOptions } from './options.ts'
import { MOOD, outlookOf } from './outlook.ts'
import { languageOf } from './reply.ts'
import type { Views } from './views.ts'
import { isByUnnamedProxy, visitorOf } from './visitor.ts'

export interface LandingPageOptions
  extends Pick<
    PortalOptions,
    'census' | 'entry' | 'facts' | 'pools' | 'trustedProxies' | 'words' | 'systems'
  > {
  readonly views: Views
}

/** The first page: what a visitor gets, whether it can work from here, and the way to the form. */
export class LandingPage {
  readonly #options: LandingPageOptions

  constructor(options: LandingPageOptions) {
    this.#options = options
  }

  mount(router: Router): void {
    router.get('/', ctx => this.#show(ctx))
  }

  async #show(ctx: Context): Promise<void> {
    const { census, facts, pools, trustedProxies, views, words } = this.#options
    const visitor = visitorOf(ctx.req, trustedProxies)
    const language = languageOf(ctx, words)
    const systems = this.#options.systems.in(language.tag).having(facts.offered)
    const outlook = isByUnnamedProxy(ctx.req, trustedProxies)
      ? 'proxied'
      : outlookOf(visitor, { tunnels: pools, offered: facts.offered })
    const guessed = guessSystem(ctx.get('user-agent'), systems.ids)
    const figures = await census.figures()
    views.send(ctx, 'landing', {
      title: language.sentence('landing'),
      systems: systems.all.map(system => ({ ...system, isGuessed: system.id === guessed })),
      guessed: systems.find(guessed ?? ''),
      visitor,
      keep: language.duration(facts.keepMs / 1000),
      isFromProxy: visitor.source === 'proxy',
      mood: MOOD[outlook],
      outlook: marked(language.sentence(`here-${outlook}`)),
      isInvited: this.#options.entry.areInvitationsRequired,
      figures: figures === undefined ? undefined : inDigits(figures, language),
    })
  }
}

/** Each number as the language writes it. */
function inDigits(
  { tunnels, answering, countries }: { tunnels: number; answering: number; countries: number },
  language: Language,
): Readonly<Record<string, string>> {
  return {
    tunnels: language.number(tunnels),
    answering: language.number(answering),
    countries: language.number(countries),
  }
}
