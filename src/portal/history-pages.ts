import type Router from '@koa/router'
import type { Context } from 'koa'
import type { History } from '../observation/history.ts'
import { type Bucket, SPANS, type Span } from '../observation/tunnel-history.ts'
import { nameOf } from '../tunnel/tunnel.ts'
import type { Language } from '../words/language.ts'
import { barChart } from './chart.ts'
import type { PortalOptions } from './options.ts'
import { queryValue } from './query.ts'
import { languageOf } from './reply.ts'
import { type SignedInParts, signedInTunnel } from './signed-in.ts'
import type { Views } from './views.ts'

export interface HistoryPagesOptions extends SignedInParts, Pick<PortalOptions, 'facts' | 'words'> {
  readonly history: History
  readonly views: Views
}

const PERCENT = 100
/** The top of the scale of losses. */
const ALL = 1

/** How a tunnel has fared in the last hour, day or month: pictures, and the same in a table. */
export class HistoryPages {
  readonly #options: HistoryPagesOptions

  constructor(options: HistoryPagesOptions) {
    this.#options = options
  }

  mount(router: Router): void {
    router.get('/tunnels/:id/history', ctx => this.#show(ctx))
  }

  #show(ctx: Context): void {
    const { facts, history, views, words } = this.#options
    const tunnel = signedInTunnel(ctx, this.#options)
    const language = languageOf(ctx, words)
    const span = spanIn(ctx)
    const buckets = history.of(tunnel.id, span)
    const isKnown = buckets.some(bucket => bucket !== undefined)
    views.send(ctx, 'history', {
      title: language.sentence('history', { name: nameOf(tunnel, facts.origin) }),
      id: tunnel.id,
      spans: (Object.keys(SPANS) as Span[]).map(name => ({
        name,
        words: language.sentence(`history-${name}`),
        isShown: name === span,
      })),
      charts: isKnown ? chartsOf(buckets, span, language) : [],
      rows: rowsOf(buckets, span, language),
      hasOctets: buckets.some(bucket => bucket?.octets !== undefined),
    })
  }
}

/** The last hour of a tunnel as one picture; undefined: nothing is known of it. */
export function lastHour(history: History, id: string, language: Language) {
  const buckets = history.of(id, 'hour')
  return buckets.some(bucket => bucket !== undefined) ? chartsOf(buckets, 'hour', language)[0] : undefined
}

function spanIn(ctx: Context): Span {
  const asked = queryValue(ctx, 'span') ?? ''
  return Object.hasOwn(SPANS, asked) ? (asked as Span) : 'hour'
}

interface Chart {
  readonly words: string
  readonly picture: object
  readonly from: string
}

function chartsOf(
  buckets: readonly (Bucket | undefined)[],
  span: Span,
  language: Language,
): readonly Chart[] {
  const { step, count } = SPANS[span]
  const from = language.ago(step * count)
  const times = buckets.map(bucket => bucket?.roundTripMs)
  const losses = buckets.map(bucket => bucket?.loss)
  const roundTrip = language.sentence('history-round-trip')
  const lost = language.sentence('history-lost')
  const ms = (value: number) => language.sentence('milliseconds', { ms: language.number(value, 1) })
  const percent = (value: number) => language.percent(value)
  return [
    {
      words: roundTrip,
      from,
      picture: barChart({ title: roundTrip, values: times, scale: ms, look: 'time' }),
    },
    {
      words: lost,
      from,
      picture: barChart({ title: lost, values: losses, scale: percent, look: 'loss', highest: ALL }),
    },
    ...trafficCharts(buckets, language).map(chart => ({ ...chart, from })),
  ]
}

/** A picture for each direction; none if nobody has counted. */
function trafficCharts(
  buckets: readonly (Bucket | undefined)[],
  language: Language,
): readonly Omit<Chart, 'from'>[] {
  const octets = buckets.map(bucket => bucket?.octets)
  if (octets.every(each => each === undefined)) return []
  const chart = (title: string, values: readonly (number | undefined)[]) => ({
    words: title,
    picture: barChart({ title, values, scale: count => language.octets(count), look: 'count' }),
  })
  return [
    chart(
      language.sentence('history-received'),
      octets.map(each => each?.received),
    ),
    chart(
      language.sentence('history-sent'),
      octets.map(each => each?.sent),
    ),
  ]
}

/** What is known, the latest first. */
function rowsOf(buckets: readonly (Bucket | undefined)[], span: Span, language: Language): readonly object[] {
  const { step } = SPANS[span]
  return buckets
    .map((bucket, at) => ({ bucket, age: (buckets.length - 1 - at) * step }))
    .flatMap(({ bucket, age }) => (bucket === undefined ? [] : [{ bucket, age }]))
    .map(({ bucket: { roundTripMs, loss, octets }, age }) => ({
      when: age === 0 ? language.sentence('history-now') : language.ago(age),
      roundTrip:
        roundTripMs === undefined
          ? '–'
          : language.sentence('milliseconds', { ms: language.number(roundTripMs, 1) }),
      loss: language.percent(Math.round(loss * PERCENT) / PERCENT),
      received: octets === undefined ? '–' : language.octets(octets.received),
      sent: octets === undefined ? '–' : language.octets(octets.sent),
    }))
    .reverse()
}
