import type Router from '@koa/router'
import type { Context } from 'koa'
import type { Census } from '../observation/census.ts'
import type { History } from '../observation/history.ts'
import { type LastRound, ROUND_TRIP_CLASSES } from '../observation/last-round.ts'
import { MAX_DAYS, type Turnover } from '../observation/turnover.ts'
import type { CountryCount } from '../store/tunnel-reader.ts'
import type { Language } from '../words/language.ts'
import { barChart, rowChart } from './chart.ts'
import { marked } from './mark-up.ts'
import type { PortalOptions } from './options.ts'
import { languageOf } from './reply.ts'
import type { Views } from './views.ts'

export interface StatusPageOptions extends Pick<PortalOptions, 'selfCheck' | 'words'> {
  readonly census: Census
  readonly history: History
  readonly turnover: Turnover
  readonly views: Views
}

/** Countries that are drawn; the table has all. */
const MAX_DRAWN = 12
const LOOKS = { 'status-registered': 'count', 'status-removed': 'loss' } as const

/** How the service is, for everybody: counts alone, nothing of any one tunnel. */
export class StatusPage {
  readonly #options: StatusPageOptions

  constructor(options: StatusPageOptions) {
    this.#options = options
  }

  mount(router: Router): void {
    router.get('/status', ctx => this.#show(ctx))
  }

  async #show(ctx: Context): Promise<void> {
    const { census, history, selfCheck, turnover, views, words } = this.#options
    const language = languageOf(ctx, words)
    const isHealthy = (await selfCheck.check()).kind === 'healthy'
    const figures = await census.figures()
    views.send(ctx, 'status', {
      title: language.sentence('status'),
      isHealthy,
      dns: marked(language.sentence(isHealthy ? 'status-dns-well' : 'status-dns-unwell')),
      round: roundWords(history.lastRound, language),
      isCounted: figures !== undefined,
      countries: countriesOf(figures?.byCountry ?? [], language),
      turnover: turnoverOf(turnover, language),
      roundTrips: roundTripsOf(history.lastRound, language),
    })
  }
}

function roundWords(round: LastRound | undefined, language: Language): string {
  if (round === undefined) return language.sentence('status-no-round')
  const all = language.number(round.answered + round.silent)
  return language.sentence('status-round', { answered: language.number(round.answered), all })
}

function countriesOf(counts: readonly CountryCount[], language: Language) {
  const rows = counts.map(({ country, active, waiting, unreachable, new: fresh }) => ({
    name: language.country(country),
    total: active + waiting + unreachable + fresh,
    cells: [active, unreachable, waiting + fresh].map(count => language.number(count)),
  }))
  return {
    rows,
    picture: rowChart(
      rows.slice(0, MAX_DRAWN).map(({ name, total }) => ({
        name,
        value: total,
        words: language.number(total),
      })),
    ),
  }
}

function turnoverOf(turnover: Turnover, language: Language) {
  const days = turnover.days()
  const scale = (top: number) => language.number(top)
  const [registered, removed] = [days.map(day => day.registered), days.map(day => day.removed)]
  const highest = Math.max(1, ...registered, ...removed)
  const unknown = new Array<undefined>(Math.max(0, MAX_DAYS - days.length)).fill(undefined)
  const draw = (sentence: keyof typeof LOOKS, known: readonly number[]) => {
    const title = language.sentence(sentence)
    const values = [...unknown, ...known]
    return { words: title, picture: barChart({ title, values, scale, highest, look: LOOKS[sentence] }) }
  }
  return {
    charts: [draw('status-registered', registered), draw('status-removed', removed)],
    from: language.daysAgo(MAX_DAYS - 1),
    rows: days
      .map((day, at) => ({
        when: language.daysAgo(days.length - 1 - at),
        registered: language.number(day.registered),
        removed: language.number(day.removed),
      }))
      .reverse(),
  }
}

function roundTripsOf(round: LastRound | undefined, language: Language) {
  const counts = round?.roundTrips ?? []
  const rows = counts.map((count, at) => ({ name: className(at, language), count }))
  if (rows.every(({ count }) => count === 0)) return undefined
  return {
    rows: rows.map(({ name, count }) => ({ name, count: language.number(count) })),
    picture: rowChart(rows.map(({ name, count }) => ({ name, value: count, words: language.number(count) }))),
  }
}

function className(at: number, language: Language): string {
  const end = ROUND_TRIP_CLASSES[at]
  if (end !== undefined) return language.sentence('status-up-to', { ms: language.number(end) })
  return language.sentence('status-above', { ms: language.number(ROUND_TRIP_CLASSES.at(-1) ?? 0) })
}
