import { Histogram } from 'prom-client'
import { DURATION_BOUNDS, type Durations } from '../shared/durations.ts'

interface Source {
  readonly name: string
  readonly help: string
  readonly label: string
  /** By the label's values. */
  readonly read: () => Readonly<Record<string, Durations>>
}

/** A histogram whose classes are counted elsewhere, in whatever thread, and read at a scrape. */
export class DurationHistogram extends Histogram {
  readonly #source: Source

  constructor(source: Source) {
    const { name, help, label } = source
    super({ name, help, labelNames: [label], buckets: [...DURATION_BOUNDS], registers: [] })
    this.#source = source
  }

  /** What the registry prints, and what `get` is made from. */
  async getForPromString() {
    const { name, help, label } = this.#source
    const values = Object.entries(this.#source.read()).flatMap(([key, durations]) =>
      samplesOf(name, { [label]: key }, durations),
    )
    return { name, help, type: 'histogram', values, aggregator: 'sum' }
  }
}

interface Sample {
  readonly metricName: string
  readonly labels: Record<string, string | number>
  readonly value: number
}

/** Each bucket counts all that took no longer than its bound. */
function samplesOf(
  name: string,
  labels: Readonly<Record<string, string>>,
  { counts, seconds }: Durations,
): Sample[] {
  let count = 0
  const buckets = counts.map((ofClass, n): Sample => {
    count += ofClass
    return {
      metricName: `${name}_bucket`,
      labels: { ...labels, le: DURATION_BOUNDS[n] ?? '+Inf' },
      value: count,
    }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: { ...labels }, value: seconds },
    { metricName: `${name}_count`, labels: { ...labels }, value: count },
  ]
}
