import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { runCli } from '../spawn.ts'
import type { Askers } from './askers.ts'
import type { Findings } from './findings.ts'
import { send } from './http.ts'
import type { End } from './kernel-model.ts'
import type { Entry, Ledger } from './ledger.ts'
import type { Tools } from './tools.ts'
import type { TriedBroker } from './tried-broker.ts'
import type { Visitors } from './visitors.ts'

/** A listing by `nft` that hangs is given up after sixty seconds, and what it held up is done then. */
const PATIENCE_MS = 90_000
const LOOK_MS = 500

export interface Witnesses {
  readonly broker: TriedBroker
  readonly tools: Tools
  readonly ledger: Ledger
  readonly findings: Findings
  readonly visitors: Visitors
  readonly askers: Askers
}

/** With all faults lifted: holds rows, keys, names and links against the ledger, and against each other. */
export async function lookForTheLast(world: Witnesses): Promise<void> {
  const { broker, ledger, findings, askers } = world
  await eventually(findings, 'the health check', () => healthTrouble(broker))
  world.tools.announce()
  await eventually(findings, 'the links', () => world.tools.kernel.trouble(rowsOf(broker)))
  const rows = new Map(rowsOf(broker).map(row => [row.name, row]))
  for (const entry of ledger.entries) {
    entry.isNew = false
    compareWithRow(entry, rows.get(entry.name), findings)
    await openWithKey(entry, world)
    settle(entry, rows.get(entry.name))
    await askers.askFor(entry, false)
    await askers.askFor(entry, true)
  }
  await compareByAudit(broker, findings)
}

function compareWithRow(
  { name, standing, endpoints }: Entry,
  row: End | undefined,
  findings: Findings,
): void {
  if (standing !== 'unsure' && (standing === 'there') !== (row !== undefined))
    findings.add(`${name} is ${standing}, and the table has ${row === undefined ? 'no row' : 'a row'} of it`)
  if (row !== undefined && !endpoints.includes(row.ipv4))
    findings.add(`${name} has ${row.ipv4} in the table, not ${endpoints.join(' or ')}`)
}

async function openWithKey(
  { name, standing, endpoints, tunnel }: Entry,
  { visitors, findings }: Witnesses,
): Promise<void> {
  if (standing !== 'there' || tunnel === undefined) return
  const reply = await visitors.look({ name, endpoints, tunnel })
  if (reply?.status !== 200) findings.add(`${name} is not opened by its key: ${reply?.status} ${reply?.body}`)
}

/** What nobody was told, the table tells; the names have to agree with it. */
function settle(entry: Entry, row: End | undefined): void {
  if (entry.standing !== 'unsure') return
  if (row !== undefined) entry.tunnel ??= { id: '', key: '', ipv6: row.ipv6 }
  entry.becomes(row === undefined ? 'gone' : 'there')
}

/** Waits until there is no trouble any more; writes down what lasts. */
export async function eventually(
  findings: Findings,
  what: string,
  look: () => Promise<string | undefined> | string | undefined,
): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    const trouble = await look()
    if (trouble === undefined) return
    if (Date.now() > deadline)
      return findings.add(`${what}, ${PATIENCE_MS / 1000} s after the last fault: ${trouble}`)
    await sleep(LOOK_MS)
  }
}

async function healthTrouble({ web }: TriedBroker): Promise<string | undefined> {
  const reply = await send(`${web}/healthz`, {})
  return reply?.status === 200 ? undefined : (reply?.body ?? 'no answer')
}

function rowsOf({ database }: TriedBroker): End[] {
  const connection = new DatabaseSync(database, { readOnly: true, timeout: 2000 })
  try {
    const rows = connection.prepare(
      `SELECT nicname || '.' || country || '.freenet6.net' AS name, IPv4client AS ipv4, IPv6client AS ipv6, device
       FROM tunnels`,
    )
    return rows.all() as unknown as End[]
  } finally {
    connection.close()
  }
}

async function compareByAudit({ configFile }: TriedBroker, findings: Findings): Promise<void> {
  const { stdout, stderr } = await runCli(['audit', '--config', configFile])
  if (!/^differences: 0$/m.test(stdout)) findings.add(`the audit says: ${stdout}${stderr}`)
}
