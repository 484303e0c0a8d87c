import { reverseApex, reverseApexes } from '../address/reverse-name.ts'
import { COUNTRY_CODES } from '../shared/country-codes.ts'
import type { ConfigValues } from './schema.ts'

/** A part of the names that tunnels have. */
interface TunnelNames {
  readonly apex: string
  readonly what: string
}

/**
 * Finds a catalog zone in the way of another: `serve` makes it itself, of the names of all others, and tunnels would be put
 * into it, or it would say of a zone below it that there is none.
 */
export function catalogMistakes({ dns, origin, tunnel }: ConfigValues): string[] {
  const zone = dns.catalog_zone
  if (zone === '') return []
  const said = (what: string) => [
    `dns.catalog_zone = "${zone}": ${what}: expected a name that no other zone has`,
  ]
  if (zone === origin) return said('is the zone of origin')
  const country = COUNTRY_CODES.map(code => `${code}.${origin}`).find(node => isAtOrBelow(zone, node))
  if (country !== undefined)
    return said(`${zone === country ? 'is' : 'is below'} the names of tunnels in a country, ${country}`)
  const found = reverseZones(tunnel).find(({ apex }) => isAtOrBelow(zone, apex) || isAtOrBelow(apex, zone))
  return found === undefined ? [] : said(`${placeOf(zone, found.apex)} ${found.what}`)
}

function reverseZones({ prefix, routed_prefix: routed }: ConfigValues['tunnel']): readonly TunnelNames[] {
  const ofRouted = routed === undefined ? [] : reverseApexes(routed)
  return [
    { apex: reverseApex(prefix), what: 'the reverse zone of tunnel.prefix' },
    ...ofRouted.map(apex => ({ apex, what: 'a reverse zone of tunnel.routed_prefix' })),
  ]
}

function placeOf(zone: string, apex: string): string {
  if (zone === apex) return 'is'
  return isAtOrBelow(zone, apex) ? 'is below' : 'is above'
}

/** Of host names in lower case, as the schema leaves them: no label has a dot in it. */
function isAtOrBelow(name: string, top: string): boolean {
  return name === top || name.endsWith(`.${top}`)
}
