import { storageFaultOf } from '../store/storage-fault.ts'

/**
 * What `read` finds after a commit; `otherwise` if it finds nothing, or the database can not be read any more: what was
 * committed is done all the same, and its owner must hear so.
 */
export function readAgain<Found>(read: () => Found | undefined, otherwise: Found): Found {
  try {
    return read() ?? otherwise
  } catch (error) {
    if (storageFaultOf(error) === undefined) throw error
    return otherwise
  }
}
