import { MAX_UINT32, readDecimal } from './decimal.ts'
import type { RdataField } from './rdata-field.ts'

const CALENDAR_LENGTH = 14
const CALENDAR = /^([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})$/

/** A moment in seconds since 1970, also as `YYYYMMDDHHmmSS` in UTC (RFC 4034 3.2). */
export function moment(what: string): RdataField {
  return {
    parse(tokens, out) {
      const isCalendar = tokens.hasMore && tokens.end - tokens.start === CALENDAR_LENGTH
      const seconds = isCalendar
        ? calendarSeconds(tokens.text())
        : tokens.hasMore
          ? readDecimal(tokens.octets, tokens.start, tokens.end)
          : undefined
      if (seconds === undefined || seconds > MAX_UINT32)
        return tokens.expected(`${what} as YYYYMMDDHHmmSS, or in seconds since 1970`)
      out.u32(seconds)
      tokens.index++
      return true
    },
    format: rdata => {
      const seconds = rdata.takeNumber(4)
      return seconds === undefined ? undefined : calendarText(seconds)
    },
  }
}

function calendarSeconds(text: string): number | undefined {
  const [year = 0, month = 0, ...rest] = (CALENDAR.exec(text) ?? []).slice(1).map(Number)
  const [day = 0, hour = 0, minute = 0, second = 0] = rest
  const seconds = Date.UTC(year, month - 1, day, hour, minute, second) / 1000
  // 31 February would become a day in March.
  return seconds >= 0 && calendarText(seconds) === text ? seconds : undefined
}

function calendarText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replaceAll(/[-:T]/g, '').slice(0, CALENDAR_LENGTH)
}
