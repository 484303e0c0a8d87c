import { type Denial, denialIn } from '../shared/denial.ts'
import { type Problem, problem } from '../shared/problem.ts'
import { DatabaseFault } from '../store/sqlite/database-fault.ts'
import { storageFaultOf } from '../store/storage-fault.ts'

/** When to come back, in seconds: another program, such as the sqlite3 shell, has the database for a moment. */
const BUSY_SECONDS = 5

/** What an error that ends a command is, for programs; undefined: nobody has expected it. */
export function problemOfFault(error: unknown): Problem | undefined {
  const denial = error instanceof DatabaseFault ? error.denial : denialIn(error)
  if (denial !== undefined) return accessDenied(denial)
  if (!(error instanceof DatabaseFault)) return undefined
  if (error.code !== 'database-locked' && storageFaultOf(error.cause) === 'busy')
    return problem('storage-busy', { seconds: BUSY_SECONDS })
  return problem(error.code, { reason: error.message })
}

function accessDenied(denial: Denial): Problem {
  const { path, user, owner } = denial
  return problem('access-denied', { path, user, owner, case: caseOf(denial) })
}

/** A user's own file can be kept from it by its mode, or by a directory above. */
function caseOf({ isAbsent, user, owner }: Denial): 'absent' | 'other' | 'own' {
  if (isAbsent) return 'absent'
  return user === owner ? 'own' : 'other'
}
