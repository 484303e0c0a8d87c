import type { RdataField } from './rdata-field.ts'
import type { RdataReader } from './rdata-reader.ts'
import type { TokenLine } from './token-line.ts'

/** Latitude and longitude count thousandths of a second of arc from here (RFC 1876 2). */
const ANGLE_ORIGIN = 2 ** 31
const SECONDS = 1000
const MINUTES = 60 * SECONDS
const DEGREES = 60 * MINUTES
/** Altitude counts centimetres from 100 km below the reference spheroid. */
const ALTITUDE_ORIGIN = 10_000_000
const MAX_UINT32 = 0xffff_ffff
const MAX_PRECISION_CM = 9_000_000_000

/** Size, horizontal and vertical precision where the text leaves them out: 1 m, 10 km, 10 m (RFC 1876 3). */
const DEFAULT_PRECISIONS = [0x12, 0x16, 0x13] as const

interface Axis {
  readonly what: string
  readonly positive: string
  readonly negative: string
  readonly maxDegrees: number
}

const LATITUDE: Axis = { what: 'a latitude', positive: 'N', negative: 'S', maxDegrees: 90 }
const LONGITUDE: Axis = { what: 'a longitude', positive: 'E', negative: 'W', maxDegrees: 180 }

/**
 * A location (RFC 1876 3): `d1 [m1 [s1]] N|S d2 [m2 [s2]] E|W alt[m] [size[m] [hp[m] [vp[m]]]]`. The whole rdata is
 * one field, for its tokens do not follow the order of its octets.
 */
export const location: RdataField = {
  parse(tokens, out) {
    const latitude = parseAngle(tokens, LATITUDE)
    const longitude = latitude === undefined ? undefined : parseAngle(tokens, LONGITUDE)
    const altitude = longitude === undefined ? undefined : parseAltitude(tokens)
    if (latitude === undefined || longitude === undefined || altitude === undefined) return false
    out.u8(0) // version
    for (const fallback of DEFAULT_PRECISIONS) {
      const precision = tokens.hasMore ? parsePrecision(tokens) : fallback
      if (precision === undefined) return false
      out.u8(precision)
    }
    out.u32(latitude)
    out.u32(longitude)
    out.u32(altitude)
    return true
  },
  format(rdata) {
    if (rdata.left !== 16 || rdata.takeNumber(1) !== 0) return undefined // RFC 1876 2: other versions are not known
    const precisions = DEFAULT_PRECISIONS.map(() => formatPrecision(rdata.takeNumber(1) ?? 0))
    const parts = [formatAngle(rdata, LATITUDE), formatAngle(rdata, LONGITUDE), formatAltitude(rdata)]
    const texts = [...parts, ...precisions]
    return texts.includes(undefined) ? undefined : texts.join(' ')
  },
}

function parseAngle(tokens: TokenLine, axis: Axis): number | undefined {
  const patterns = [/^[0-9]{1,3}$/, /^[0-9]{1,2}$/, /^[0-9]{1,2}(?:\.[0-9]{1,3})?$/] as const
  const units = [DEGREES, MINUTES, SECONDS] as const
  let angle = 0
  for (const [index, pattern] of patterns.entries()) {
    if (index > 0 && isHemisphere(tokens, axis)) break
    const text = tokens.text()
    const max = index === 0 ? axis.maxDegrees : 59.999
    if (!pattern.test(text) || Number(text) > max) {
      tokens.expected(`${axis.what} as degrees, minutes, seconds`)
      return undefined
    }
    angle += Math.round(Number(text) * (units[index] ?? 0))
    tokens.index++
  }
  if (!isHemisphere(tokens, axis) || angle > axis.maxDegrees * DEGREES) {
    tokens.expected(`${axis.what}, ended by ${axis.positive} or ${axis.negative}`)
    return undefined
  }
  const isPositive = tokens.text().toUpperCase() === axis.positive
  tokens.index++
  return ANGLE_ORIGIN + (isPositive ? angle : -angle)
}

function isHemisphere(tokens: TokenLine, axis: Axis): boolean {
  const text = tokens.text().toUpperCase()
  return text === axis.positive || text === axis.negative
}

function parseAltitude(tokens: TokenLine): number | undefined {
  const text = tokens.text()
  const altitude = /^-?[0-9]{1,8}(?:\.[0-9]{1,2})?m?$/i.test(text) ? centimetres(text) + ALTITUDE_ORIGIN : -1
  if (altitude < 0 || altitude > MAX_UINT32) {
    tokens.expected('an altitude from -100000.00m to 42849672.95m')
    return undefined
  }
  tokens.index++
  return altitude
}

/** Writes a length as RFC 1876 2 packs it: a digit times a power of ten, in centimetres, four bits each. */
function parsePrecision(tokens: TokenLine): number | undefined {
  const text = tokens.text()
  const value = /^[0-9]{1,8}(?:\.[0-9]{1,2})?m?$/i.test(text) ? centimetres(text) : Number.NaN
  if (!(value <= MAX_PRECISION_CM)) {
    tokens.expected('a size or precision from 0 to 90000000.00m')
    return undefined
  }
  let exponent = 0
  while (Math.floor(value / 10 ** exponent) > 9) exponent++
  tokens.index++
  return (Math.floor(value / 10 ** exponent) << 4) | exponent
}

function centimetres(text: string): number {
  return Math.round(Number.parseFloat(text) * 100)
}

function formatAngle(rdata: RdataReader, axis: Axis): string | undefined {
  const signed = (rdata.takeNumber(4) ?? 0) - ANGLE_ORIGIN
  const angle = Math.abs(signed)
  if (angle > axis.maxDegrees * DEGREES) return undefined
  const seconds = ((angle % MINUTES) / SECONDS).toFixed(3)
  const minutes = Math.floor((angle % DEGREES) / MINUTES)
  return `${Math.floor(angle / DEGREES)} ${minutes} ${seconds} ${signed < 0 ? axis.negative : axis.positive}`
}

function formatAltitude(rdata: RdataReader): string {
  return `${(((rdata.takeNumber(4) ?? 0) - ALTITUDE_ORIGIN) / 100).toFixed(2)}m`
}

function formatPrecision(octet: number): string | undefined {
  const digit = octet >> 4
  const exponent = octet & 15
  if (digit > 9 || exponent > 9) return undefined
  const metres = (digit * 10 ** exponent) / 100
  return `${exponent < 2 || digit === 0 ? metres.toFixed(2) : metres}m`
}
