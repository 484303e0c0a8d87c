import Handlebars from 'handlebars'

/** Units of the pictures: the stylesheet says how wide and high they are. */
const WIDTH = 600
const HEIGHT = 100
const ROW_WIDTH = 100
const ROW_HEIGHT = 10
/** A value that is not nothing is seen. */
const LEAST = 2

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

/** A bar for each value, as an SVG image with its scale above; words are no part of the image, which is stretched. */
export function barChart({ title, values, scale, look, highest }: BarChart): Handlebars.SafeString {
  const top = highest ?? Math.max(0, ...values.filter(value => value !== undefined))
  const step = WIDTH / Math.max(1, values.length)
  const bars = values.map((value, at) => (value === undefined ? '' : bar({ at, step, part: value / top })))
  return new Handlebars.SafeString(
    `<p class="scale">${escaped(scale(top))}</p><svg class="chart ${look}" viewBox="0 0 ${WIDTH} ${HEIGHT}" ` +
      `preserveAspectRatio="none" role="img"><title>${escaped(title)}</title><path d="${bars.join('')}"/></svg>`,
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
  const height = part > 0 ? Math.max(LEAST, part * HEIGHT) : 0
  const [left, right] = [at * step + step * 0.1, at * step + step * 0.9]
  return `M${left.toFixed(1)} ${HEIGHT}V${(HEIGHT - height).toFixed(1)}H${right.toFixed(1)}V${HEIGHT}z`
}

export interface Row {
  readonly name: string
  readonly value: number
  /** The value as it is written. */
  readonly words: string
}

/** A list of names with a bar and a number each: it says what it draws. */
export function rowChart(rows: readonly Row[]): Handlebars.SafeString {
  const top = Math.max(1, ...rows.map(({ value }) => value))
  const items = rows.map(({ name, value, words }) => {
    const width = value === 0 ? 0 : Math.max(LEAST, (value / top) * ROW_WIDTH)
    const path = `<path d="M0 0H${width.toFixed(1)}V${ROW_HEIGHT}H0z"/>`
    const picture = `<svg viewBox="0 0 ${ROW_WIDTH} ${ROW_HEIGHT}" preserveAspectRatio="none" aria-hidden="true">${path}</svg>`
    return `<li><span>${escaped(name)}</span> ${picture} <span>${escaped(words)}</span></li>`
  })
  return new Handlebars.SafeString(`<ul class="chart-rows">${items.join('')}</ul>`)
}

function escaped(text: string): string {
  return Handlebars.escapeExpression(text)
}
