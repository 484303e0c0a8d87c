import Handlebars from 'handlebars'

const WIDTH = 600
const HEIGHT = 120
/** Room for the figure at the top of the scale. */
const TOP = 18
/** A value that is not nothing is seen. */
const LEAST_HEIGHT = 2

export interface BarChart {
  /** Says what is drawn, to whoever can't see it. */
  readonly title: string
  /** From left to right; undefined: nothing is known. */
  readonly values: readonly (number | undefined)[]
  /** The figure at the top of the scale, in words, for the highest value that is drawn. */
  readonly scale: (highest: number) => string
  /** What its bars are called in the stylesheet. */
  readonly look: 'time' | 'loss' | 'count'
  /** The top of the scale, if it is not the highest value. */
  readonly highest?: number
}

/** A bar for each value, as an SVG image that takes its colours from the stylesheet. */
export function barChart({ title, values, scale, look, highest }: BarChart): Handlebars.SafeString {
  const top = highest ?? Math.max(0, ...values.filter(value => value !== undefined))
  const step = WIDTH / Math.max(1, values.length)
  const bars = values.map((value, at) => (value === undefined ? '' : bar({ at, step, part: value / top })))
  return new Handlebars.SafeString(
    `<svg class="chart ${look}" viewBox="0 0 ${WIDTH} ${HEIGHT + 1}" role="img"><title>${escaped(title)}</title>` +
      `<path class="axis" d="M0 ${TOP}H${WIDTH}M0 ${HEIGHT}H${WIDTH}"/><path class="bars" d="${bars.join('')}"/>` +
      `<text x="0" y="13">${escaped(scale(top))}</text></svg>`,
  )
}

/** A rectangle as a path: one element draws all bars. Nothing at all is drawn as a line on the axis. */
function bar({
  at,
  step,
  part,
}: {
  readonly at: number
  readonly step: number
  readonly part: number
}): string {
  const height = part > 0 ? Math.max(LEAST_HEIGHT, part * (HEIGHT - TOP)) : 0
  const [left, right] = [at * step + step * 0.1, at * step + step * 0.9]
  return `M${left.toFixed(1)} ${HEIGHT}V${(HEIGHT - height).toFixed(1)}H${right.toFixed(1)}V${HEIGHT}z`
}

function escaped(text: string): string {
  return Handlebars.escapeExpression(text)
}
