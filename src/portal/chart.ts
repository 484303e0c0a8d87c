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

const ROW_HEIGHT = 26
const NAME_WIDTH = 190
const NUMBER_WIDTH = 70

export interface RowChart {
  readonly title: string
  readonly rows: readonly { readonly name: string; readonly value: number; readonly words: string }[]
}

/** A named bar from left to right for each value, its number behind it. */
export function rowChart({ title, rows }: RowChart): Handlebars.SafeString {
  const top = Math.max(1, ...rows.map(({ value }) => value))
  const room = WIDTH - NAME_WIDTH - NUMBER_WIDTH
  const drawn = rows.map(({ name, value, words }, at) => {
    const y = at * ROW_HEIGHT
    const width = value === 0 ? 0 : Math.max(LEAST_HEIGHT, (value / top) * room)
    return (
      `<text class="name" x="0" y="${y + 18}">${escaped(name)}</text>` +
      `<path class="bars" d="M${NAME_WIDTH} ${y + 5}h${width.toFixed(1)}v${ROW_HEIGHT - 8}h-${width.toFixed(1)}z"/>` +
      `<text x="${(NAME_WIDTH + width + 8).toFixed(1)}" y="${y + 18}">${escaped(words)}</text>`
    )
  })
  const height = rows.length * ROW_HEIGHT
  return new Handlebars.SafeString(
    `<svg class="chart rows" viewBox="0 0 ${WIDTH} ${height}" role="img"><title>${escaped(title)}</title>${drawn.join('')}</svg>`,
  )
}
