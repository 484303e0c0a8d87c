import { figure, markdownTable } from './markdown.ts'

/** What became of what a sender has sent. */
export interface SenderFigures {
  readonly name: string
  readonly sent: number
  readonly answered: number
  readonly lost: number
  /** Undefined: its answers are not looked at. */
  readonly wrong: number | undefined
}

export interface RestartRun {
  /** The command line behind `node bench/restart.ts`. */
  readonly args: readonly string[]
  /** What it ran on, a line each. */
  readonly machine: readonly string[]
  readonly tunnels: number
  readonly reloads: number
  /** What each restart took, in milliseconds. */
  readonly restarts: readonly number[]
  /** From the first reload to the end of the last. */
  readonly seconds: number
  readonly senders: readonly SenderFigures[]
  /** Datagrams that found no room in the server's sockets. */
  readonly dropped: number
}

/** The section on restarts of docs/benchmarks.md. */
export function restartSection(run: RestartRun): string {
  const rows = run.senders.map(({ name, sent, answered, lost, wrong }) => [
    name,
    figure(sent),
    figure(answered),
    figure(lost),
    wrong === undefined ? 'not looked at' : figure(wrong),
  ])
  const command = ['node bench/restart.ts', ...run.args].join(' ')
  const times = run.restarts.map(time => figure(time / 1000, 1)).join(', ')
  const taken = run.restarts.length === 0 ? '' : ` Restarts took ${times} s.`
  return `## Restarts under load

\`\`\`sh
${command}
\`\`\`
${figure(run.tunnels)} tunnels, ${run.reloads} reloads and ${run.restarts.length} restarts in ${figure(run.seconds)} s; server, successor and senders
share all cores.${taken} One run.

${run.machine.map(fact => `- ${fact}\n`).join('')}
${markdownTable(['sender', 'sent', 'answered', 'lost', 'wrong'], rows)}
Of the lost, the system dropped ${figure(run.dropped)} for want of room in the server's sockets.
`
}
