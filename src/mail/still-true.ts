import type { Notice, Occasion } from '../store/notice.ts'
import type { TunnelReader } from '../store/tunnel-reader.ts'
import { isSameTarget } from '../tunnel/contact.ts'

const HOUR_SECONDS = 3600
const DAY_SECONDS = 24 * HOUR_SECONDS
/** Seconds for which a notice waits: after that it is told to nobody. A link that was asked for is wanted at once. */
const LONGEST_WAIT = {
  recover: HOUR_SECONDS / 2,
  confirm: DAY_SECONDS,
  dormant: 3 * DAY_SECONDS,
  ending: 3 * DAY_SECONDS,
  ended: 3 * DAY_SECONDS,
  suspended: 3 * DAY_SECONDS,
  resumed: 3 * DAY_SECONDS,
  deleted: 3 * DAY_SECONDS,
  renewed: 3 * DAY_SECONDS,
  parted: 3 * DAY_SECONDS,
  removed: 3 * DAY_SECONDS,
} as const satisfies Readonly<Record<Occasion, number>>

/** Whether a notice has waited for so long that it is told to nobody. `age` in seconds; less than 0 if nobody can say. */
export function isTooOld({ occasion }: Pick<Notice, 'occasion'>, age: number): boolean {
  return age < 0 || age > LONGEST_WAIT[occasion]
}

/**
 * Whether a notice says what is so now, to somebody who still wants to hear it: a tunnel that has woken up meanwhile is
 * not said to sleep. Undefined: of a row that can't be used nobody knows.
 */
export function isStillTrue(notice: Notice, tunnels: TunnelReader): boolean | undefined {
  if (tunnels.brokenById(notice.tunnelId) !== undefined) return undefined
  const { tunnelId: id, since, occasion } = notice
  const { dormant } = tunnels.dormant.byId(id) ?? {}
  switch (occasion) {
    case 'deleted':
    case 'removed':
    case 'ended':
      return !isRegisteredAgain(notice, tunnels) // the contact has gone with the tunnel
    case 'confirm':
      return hasTarget(notice, tunnels, { isConfirmed: false })
    case 'renewed':
      return hasTarget(notice, tunnels, { isConfirmed: true })
    case 'parted':
      return !hasTarget(notice, tunnels, { isConfirmed: true })
    case 'recover':
      return dormant?.isSuspended !== true && hasTarget(notice, tunnels, { isConfirmed: true })
    case 'dormant':
    case 'ending':
      return (
        dormant?.since === since && !dormant.isSuspended && hasTarget(notice, tunnels, { isConfirmed: true })
      )
    case 'suspended':
      return dormant?.isSuspended === true && hasTarget(notice, tunnels, { isConfirmed: true })
    case 'resumed':
      return dormant?.isSuspended !== true && hasTarget(notice, tunnels, { isConfirmed: true })
    default:
      return occasion satisfies never
  }
}

/** A late letter that names a tunnel would be read as one about that which has the name by now, by its owner at least. */
function isRegisteredAgain(notice: Notice, tunnels: TunnelReader): boolean {
  const { nicname, country, way, target } = notice
  const id = tunnels.idByName(nicname, country) ?? tunnels.dormant.byName(nicname, country)?.id
  const ways = id === undefined ? [] : (tunnels.contactOf(id)?.ways ?? [])
  return ways.some(one => one.kind === way && isSameTarget(way, one.target, target))
}

function hasTarget(
  { tunnelId, way, target }: Notice,
  tunnels: TunnelReader,
  { isConfirmed }: { readonly isConfirmed: boolean },
): boolean {
  const ways = tunnels.contactOf(tunnelId)?.ways ?? []
  return ways.some(
    one => one.kind === way && isSameTarget(way, one.target, target) && one.isConfirmed === isConfirmed,
  )
}
