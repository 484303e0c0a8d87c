import { z } from 'zod'
import { formatIpv4, parseIpv4 } from '../address/ipv4.ts'
import { formatPrefix, parsePrefix } from '../address/prefix.ts'
import { parseEndpoint } from '../shared/endpoint.ts'
import { lowerCaseName, parseName } from '../wire/name.ts'

/*
 * The kinds of values that a configuration has, each read from its text. The `example` of a kind is how one is written
 * in a file: it is shown to who wrote something of another type. What `isSecret` is never shown.
 */

export const endpoint = z
  .string()
  .transform((text, context) => {
    const value = parseEndpoint(text)
    if (value !== undefined) return value
    return refuse(context, 'address:port, an IPv6 address in brackets, such as 127.0.0.1:5300 or [::1]:5300')
  })
  .meta({ example: '"192.0.2.1:53"' })

export const prefix = z
  .string()
  .transform((text, context) => {
    const value = parsePrefix(text)
    return (
      value ??
      refuse(context, 'an address or a prefix without host bits, such as 192.0.2.0/24 or 2001:db8::/32')
    )
  })
  .meta({ example: '"192.0.2.0/24"' })

/** Lower case: a nicname, or a pattern of nicnames. */
export const nicnamePattern = z
  .string()
  .transform((text, context) => {
    const pattern = text.toLowerCase()
    if (/^[a-z0-9*-]{1,63}$/.test(pattern) && /[a-z0-9]/.test(pattern)) return pattern
    return refuse(context, 'a nicname, with * for any part of it, such as admin or *bank*')
  })
  .meta({ example: '"*bank*"' })

/** A prefix, or `key:NAME` as it stands. */
export const transferPeer = z
  .string()
  .transform((text, context) => {
    if (/^key:.+/.test(text)) return text
    return parsePrefix(text) ?? refuse(context, 'an address, a prefix without host bits, or "key:NAME"')
  })
  .meta({ example: '"192.0.2.53"' })

export const tunnelPrefix = z
  .string()
  .transform((text, context) => {
    const value = parsePrefix(text)
    if (value === undefined || value.octets.length !== 16) {
      return refuse(context, 'an IPv6 prefix without host bits, such as 2001:db8:f6::/48')
    }
    const { length } = value
    if (length < 32 || length > 60) return refuse(context, 'a prefix from /32 to /60')
    if (length % 4 === 0) return value
    const shorter = length - (length % 4)
    return refuse(context, `a prefix that ends on a nibble: the nearest are /${shorter} and /${shorter + 4}`)
  })
  .meta({ example: '"2001:db8:f6::/48"' })

/** The block that routed prefixes are taken from; undefined: none is. */
export const routedPrefix = z
  .string()
  .transform((text, context) => {
    if (text === '') return undefined
    const value = parsePrefix(text)
    const isInRange = value !== undefined && value.octets.length === 16 && value.length >= 32
    if (isInRange && value.length <= 64) return value
    return refuse(context, 'an IPv6 prefix from /32 to /64 without host bits, such as 2001:db8:8000::/34')
  })
  .meta({ example: '"2001:db8:8000::/34"' })

/** Canonical text. */
export const ipv4 = z
  .string()
  .transform((text, context) => {
    const value = parseIpv4(text)
    return value === undefined ? refuse(context, 'a dotted quad, such as 192.0.2.1') : formatIpv4(value)
  })
  .meta({ example: '"192.0.2.1"' })

/** An address of either family, in canonical form. */
export const hostAddress = z.string().transform((text, context) => {
  const value = parsePrefix(text)
  const isHost = value !== undefined && !text.includes('/')
  return isHost
    ? formatPrefix(value).replace(/\/.*/, '')
    : refuse(context, 'an IPv4 or IPv6 address, such as 192.0.2.53 or 2001:db8::53')
})

/** A host's name or its IPv4 address; empty as it stands. IPv6 would be sought through the tunnel itself. */
export const endpointHost = z
  .string()
  .regex(/^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)?$/, {
    error: 'a host name or an IPv4 address',
  })
  .meta({ example: '"tunnel.example.net"' })

/** The same, or nothing. */
export const hostAddressOrNone = z
  .string()
  .transform((text, context) => {
    if (text === '') return text
    const value = hostAddress.safeParse(text)
    return value.success ? value.data : refuse(context, 'an IPv4 or IPv6 address, such as 192.0.2.53')
  })
  .meta({ example: '"192.0.2.1"' })

/** Lower case, without the final dot. */
export const domainName = z
  .string()
  .transform((text, context) => {
    const name = text.toLowerCase().replace(/\.$/, '')
    const label = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/
    if (name.length <= 180 && name.split('.').every(part => label.test(part))) return name
    return refuse(
      context,
      'a domain name of letters, digits and hyphens, at most 180 characters, such as freenet6.net',
    )
  })
  .meta({ example: '"freenet6.net"' })

/** The same, or nothing. */
export const domainNameOrNone = z
  .string()
  .transform((text, context) => {
    if (text === '') return text
    const value = domainName.safeParse(text)
    return value.success ? value.data : refuse(context, 'a domain name, such as catalog.example')
  })
  .meta({ example: '"catalog.example"' })

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
const LEAST_MS = 10

/** A duration in milliseconds. A timer of Node can't be set for more than 24 days: what one waits for is 24h at most. */
export function duration(most: '24h' | '400d') {
  const mostMs = millisecondsOf(most)
  return z
    .string()
    .transform((text, context) => {
      const value = millisecondsOf(text)
      if (value >= LEAST_MS && value <= mostMs) return value
      return refuse(context, `a duration from 10ms to ${most}, such as 500ms, 60s or 5m`)
    })
    .meta({ example: '"60s"' })
}

/** A duration, or none at all. In milliseconds, which may be more than a timer of Node can wait. */
export function durationOrNone(most: '400d') {
  const mostMs = millisecondsOf(most)
  return z
    .string()
    .transform((text, context) => {
      const value = millisecondsOf(text)
      if (value >= 0 && value <= mostMs) return value
      return refuse(context, `a duration up to ${most}, such as 60s, 24h or 30d, or 0s for none`)
    })
    .meta({ example: '"24h"' })
}

/** NaN for a text that is no duration. */
function millisecondsOf(text: string): number {
  const found = /^([0-9]{1,7})(ms|s|m|h|d)$/.exec(text)
  return Number(found?.[1]) * (UNIT_MS[found?.[2] ?? ''] ?? Number.NaN)
}

/** The origin of a URL; empty as it stands. */
export const publicUrl = z
  .string()
  .transform((text, context) => {
    if (text === '') return ''
    const value = URL.parse(text)
    // The pages link from the root: under a path none of their links would work.
    if (value !== null && /^https?:$/.test(value.protocol) && value.href === `${value.origin}/`) {
      return value.origin
    }
    return refuse(context, 'an http or https URL without path or query, such as https://broker.example.net')
  })
  .meta({ example: '"https://broker.example.net"' })

export const smtpUrl = z
  .string()
  .transform((text, context) => {
    if (text === '') return ''
    const value = URL.parse(text)
    if (value !== null && /^smtps?:$/.test(value.protocol) && value.hostname !== '') return text
    return refuse(context, 'an smtp or smtps URL, such as smtp://user:password@mail.example.net:587')
  })
  .meta({ example: '"smtp://user:password@mail.example.net:587"', isSecret: true })

/** An e-mail address, or nothing. */
export const emailAddressOrNone = z
  .string()
  .refine(text => text === '' || z.email().safeParse(text).success, {
    error: 'an e-mail address, such as tunnels@example.net',
  })
  .meta({ example: '"tunnels@example.net"' })

/** As it stands in a URL: lower case, and without the port of https. */
export const webhookHost = z
  .string()
  .transform((text, context) => {
    const value = URL.parse(`https://${text}/`)
    const isHost = value !== null && !text.includes('@') && value.href === `https://${value.host}/`
    if (isHost && value.host !== '') return value.host
    return refuse(context, 'a host, with a port if it is not 443, such as ntfy.sh or ntfy.example.net:8443')
  })
  .meta({ example: '"ntfy.sh"' })

/** RFC 9116 2.5.3: how to reach somebody, as a URL that keeps what is told from others' eyes. */
export const contactUrl = z
  .string()
  .refine(text => text === '' || (/^(?:https:\/\/|mailto:|tel:)[!-~]+$/.test(text) && URL.canParse(text)), {
    error: 'an https, mailto or tel URL, such as mailto:security@example.net',
  })
  .meta({ example: '"mailto:security@example.net"' })

/** The name in canonical form: lower case, wire labels. */
export const keyName = z
  .string()
  .transform((text, context) => {
    const name = parseName(text)
    return name === undefined ? refuse(context, 'a domain name, such as k1.') : lowerCaseName(name)
  })
  .meta({ example: '"k1."' })

export const secret = z
  .base64({ error: 'base64' })
  .min(1, { error: 'base64' })
  .transform(text => Uint8Array.from(Buffer.from(text, 'base64')))
  .meta({ isSecret: true })

export function integer(low: number, high: number) {
  const allowed = { error: `a whole number from ${low} to ${high}` }
  return z.int(allowed).min(low, allowed).max(high, allowed)
}

function refuse(context: z.RefinementCtx, allowed: string): never {
  context.addIssue({ code: 'custom', message: allowed, input: context.value })
  return z.NEVER
}
