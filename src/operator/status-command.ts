import { z } from 'zod'
import { minuteOf } from '../shared/minute.ts'
import { defineCommand } from './command.ts'
import { type StatusReport, statusReport } from './status.ts'
import { textTable } from './text-table.ts'

const MIB = 1024 * 1024

export const statusCommand = defineCommand({
  name: 'status',
  summary: 'zones, secondaries, tunnels by state, threads, prober, driver and disk at a glance',
  words: [],
  parameters: z.strictObject({}),
  result: statusReport,
  run: async ({ status }) => ({ kind: 'done', value: await status.report() }),
  text: statusText,
  isQuick: true,
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
    ...((report.hidden_names ?? 0) > 0 ? [['names', textOfHidden(report.hidden_names ?? 0)]] : []),
    ['data_dir', `${disk.path}, ${Math.floor(disk.free_bytes / MIB)} MiB free`],
    ...report.troubles.map(trouble => ['trouble', trouble]),
    ...report.warnings.map(warning => ['warning', warning]),
    ...report.zones.map(({ name, serial, rrsets }) => ['zone', `${name} serial ${serial}, ${rrsets} rrsets`]),
    ...report.secondaries.map(secondary => ['secondary', textOfSecondary(secondary)]),
    ...report.certificates.map(({ address, expires }) => ['certificate', `${address} ${textOfEnd(expires)}`]),
  ])
}

function textOfHidden(count: number): string {
  return `${count} of tunnels are not answered: zone files have something else there; the log names each`
}

function textOfEnd(seconds: number): string {
  return `${seconds * 1000 <= Date.now() ? 'has ended' : 'ends'} at ${minuteOf(seconds)} UTC`
}

function textOfSecondary(secondary: StatusReport['secondaries'][number]): string {
  const { address, zone, acknowledged, transferred, lag, answer, unanswered } = secondary
  const told = acknowledged === null ? 'no NOTIFY acknowledged' : `NOTIFY acknowledged at ${acknowledged}`
  const has =
    transferred === null
      ? `nothing transferred since the start, ${lag} behind at the least`
      : `has ${transferred}, ${lag} behind`
  const silence = unanswered === 0 ? [] : [`${unanswered} unanswered`]
  const said = answer === '' || answer === 'NOERROR' ? [] : [`said ${answer}`]
  return `${address} ${zone} ${[told, has, ...silence, ...said].join(', ')}`
}
