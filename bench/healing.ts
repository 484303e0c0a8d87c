/**
 * Edits all rows of the table in one transaction of another connection, as the sqlite3 shell does, and lets the audit
 * heal the names: put in, renamed, taken out. Prints CPU seconds for each 100,000 rows, medians of the rounds:
 * `node bench/healing.ts --rows 200000 --rounds 3`.
 */
import { parseArgs } from 'node:util'
import { World } from '../test/lifecycle/world.ts'
import { median } from './statistics.ts'

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '200000' }, rounds: { type: 'string', default: '3' } },
})
const [rows = 0, rounds = 0] = [values.rows, values.rounds].map(Number)

const EDITS = {
  insert: `WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < ${rows})
    INSERT INTO tunnels (id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time,
      unreachable, key_hash)
    SELECT 't' || i, printf('10.%d.%d.%d', i >> 16, i >> 8 & 255, i & 255),
      printf('2001:db8:%x:%x::2', 256 + (i >> 15), 1 + (i & 32767)),
      printf('2001:db8:%x:%x::1', 256 + (i >> 15), 1 + (i & 32767)),
      'fn6-' || i, 'h' || i, 'ca', 'linux', 1, 0, x'00' FROM numbers`,
  none: '',
  rename: "UPDATE tunnels SET nicname = 'x' || nicname",
  delete: 'DELETE FROM tunnels',
}

interface Healing {
  readonly edit: string
  readonly differences: number
  readonly commits: number
  readonly cpuSeconds: number
  readonly longestTurnMs: number
}

const healings: Healing[] = []
for (let round = 0; round < rounds; round++) healings.push(...(await heal()))
for (const edit of Object.keys(EDITS)) {
  const same = healings.filter(healing => healing.edit === edit)
  const per100000 = median(same.map(({ cpuSeconds }) => cpuSeconds)) * (100_000 / rows)
  const figures = {
    edit,
    rows,
    differences: median(same.map(({ differences }) => differences)),
    commits: median(same.map(({ commits }) => commits)),
    cpuSecondsPer100000: Number(per100000.toFixed(2)),
    longestTurnMs: Math.round(median(same.map(({ longestTurnMs }) => longestTurnMs))),
  }
  process.stdout.write(`${JSON.stringify(figures)}\n`)
}

async function heal(): Promise<readonly Healing[]> {
  const world = await World.open({ prefix: '2001:db8::/32', maxTunnels: 2 * rows })
  let commits = 0
  world.broker.store.onCommitted(() => {
    commits++
  })
  const healed: Healing[] = []
  for (const [edit, sql] of Object.entries(EDITS)) {
    world.edit(sql)
    const turns = watchTurns()
    const [commitsBefore, cpuBefore] = [commits, process.cpuUsage()]
    const { differences } = await world.audit.run()
    const { user, system } = process.cpuUsage(cpuBefore)
    healed.push({
      edit,
      differences,
      commits: commits - commitsBefore,
      cpuSeconds: (user + system) / 1e6,
      longestTurnMs: turns.stop(),
    })
  }
  world.end()
  return healed
}

/** The longest time between two turns of the event loop, until it is stopped. */
function watchTurns(): { readonly stop: () => number } {
  let [longest, last, isStopped] = [0, performance.now(), false]
  const look = () => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
    if (!isStopped) setImmediate(look)
  }
  setImmediate(look)
  return {
    stop: () => {
      isStopped = true
      return longest
    },
  }
}
