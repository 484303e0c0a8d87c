import type Router from '@koa/router'
import { isCountry } from '../registration/country.ts'
import { Geofeed } from './geofeed.ts'
import type { PortalOptions } from './options.ts'

const DAY_MS = 86_400_000
/** RFC 9116 2.5.5: less than a year ahead; whoever keeps a copy learns soon that it is old. */
const SECURITY_DAYS = 90
const GEOFEED_SECONDS = 300

/** Documents of fixed places that other parties' programs read: the geofeed and security.txt. */
export function mountPublicDocuments(
  router: Router,
  parts: Pick<PortalOptions, 'table' | 'words' | 'securityContact'> & { readonly publicUrl: string },
): void {
  const geofeed = new Geofeed(parts.table, { isCountry })
  router.get('/geofeed.csv', async ctx => {
    ctx.body = await geofeed.octets()
    ctx.type = 'text/csv; charset=utf-8'
    ctx.set('cache-control', `max-age=${GEOFEED_SECONDS}`)
  })
  router.get('/.well-known/security.txt', ctx => {
    ctx.body = securityText(parts, new Date(Date.now() + SECURITY_DAYS * DAY_MS))
    ctx.type = 'text/plain; charset=utf-8' // RFC 9116 3
  })
}

/** RFC 9116. */
function securityText(
  {
    securityContact,
    publicUrl,
    words,
  }: Pick<PortalOptions, 'securityContact' | 'words'> & { readonly publicUrl: string },
  expires: Date,
): string {
  return [
    `Contact: ${securityContact()}`,
    `Expires: ${expires.toISOString()}`,
    `Preferred-Languages: ${words.all.map(({ tag }) => tag).join(', ')}`,
    `Canonical: ${publicUrl}/.well-known/security.txt`,
    '',
  ].join('\n')
}
