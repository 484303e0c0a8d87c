import { z } from 'zod'
import { defineCommand } from './command.ts'
import { type StatusReport, statusReport } from './status.ts'
import { textTable } from './text-table.ts'

const MIB = 1024 * 1024

export const statusCommand = defineCommand({
  name: 'status',
  summary: 'zones, tunnels by state, threads, prober, driver and disk at a glance',
  words: [],
  parameters: z.strictObject({}),
  result: statusReport,
  run: async ({ status }) => ({ kind: 'done', value: await status.report() }),
  text: statusText,
})

function statusText(report: StatusReport): string {
  const { process, data_dir: disk } = report
  const running =
    process === null
      ? 'not running'
      : `running as ${process.pid} for ${process.uptime_seconds} s, ${process.thread_restarts} threads replaced`
  const tunnels = Object.entries(report.tunnels).map(([state, count]) => `${count} ${state}`)
  return textTable([
    ['freenet6', `${report.version}, ${running}`],
    ['config', report.config],
    ['threads', String(report.threads)],
    ['driver', report.driver],
    ['prober', report.prober],
    ['tunnels', tunnels.join(', ')],
    ['data_dir', `${disk.path}, ${Math.floor(disk.free_bytes / MIB)} MiB free`],
    ...report.troubles.map(trouble => ['trouble', trouble]),
    ...report.zones.map(({ name, serial, rrsets }) => ['zone', `${name} serial ${serial}, ${rrsets} rrsets`]),
  ])
}
