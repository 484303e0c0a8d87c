/** The range and the numbers of a `$GENERATE` line: `start-stop[/step]` (BIND 9 ARM, "The $GENERATE Directive"). */
export interface GenerateRange {
  readonly start: number
  readonly stop: number
  readonly step: number
}

const MAX_NUMBER = 2 ** 31 - 1
const MAX_WIDTH = 255
const SPECIFIER = /^\{([+-]?[0-9]{1,10})(?:,([0-9]{1,3})(?:,([doxXnN]))?)?\}/

export function parseGenerateRange(text: string): GenerateRange | undefined {
  const match = /^([0-9]{1,10})-([0-9]{1,10})(?:\/([0-9]{1,10}))?$/.exec(text)
  if (match === null) return undefined
  const [start, stop, step] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 1)]
  return start <= stop && stop <= MAX_NUMBER && step >= 1 && step <= MAX_NUMBER
    ? { start, stop, step }
    : undefined
}

/** How many records a range makes. */
export function generateCount({ start, stop, step }: GenerateRange): number {
  return Math.floor((stop - start) / step) + 1
}

/**
 * Puts a number into a template: `$` is the number, `${offset,width,base}` the number in another shape, `$$` and `\$`
 * a dollar sign. Undefined if the template is malformed or the number becomes negative.
 */
export function expandTemplate(template: string, value: number): string | undefined {
  let text = ''
  for (let at = 0; at < template.length; at++) {
    const character = template[at] ?? ''
    if (character === '\\') {
      text += template.slice(at, at + 2) // the escape is the name's or the string's
      at++
      continue
    }
    if (character !== '$') {
      text += character
      continue
    }
    if (template[at + 1] === '$') {
      text += '$'
      at++
      continue
    }
    const specifier = template[at + 1] === '{' ? SPECIFIER.exec(template.slice(at + 1)) : undefined
    const shaped = specifier === null ? undefined : shape(value, specifier ?? ['', '0', '0', 'd'])
    if (shaped === undefined) return undefined
    text += shaped
    at += specifier?.[0].length ?? 0
  }
  return text
}

function shape(value: number, specifier: readonly (string | undefined)[]): string | undefined {
  const number = value + Number(specifier[1])
  const width = Number(specifier[2] ?? 0)
  const base = specifier[3] ?? 'd'
  if (number < 0 || number > 2 * MAX_NUMBER || width > MAX_WIDTH) return undefined
  switch (base) {
    case 'o':
      return number.toString(8).padStart(width, '0')
    case 'x':
      return number.toString(16).padStart(width, '0')
    case 'X':
      return number.toString(16).toUpperCase().padStart(width, '0')
    case 'n':
      return nibbles(number, width)
    case 'N':
      return nibbles(number, width).toUpperCase()
    default:
      return number.toString().padStart(width, '0')
  }
}

/** Hex digits from the lowest up with dots between, as reverse names have them; the width counts the dots too. */
function nibbles(number: number, width: number): string {
  const digits = number.toString(16).padStart(Math.ceil(width / 2), '0')
  const text = [...digits].reverse().join('.')
  return text.length < width ? `${text}.` : text
}
