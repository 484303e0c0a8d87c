import { type Performance, type Play, type Tools, targetsOf } from '../tools.ts'
import type { Fault } from './fault.ts'

const never: Play = () => new Promise(() => undefined)
const dies: Play = async () => 'die'

/** Faults of fping, ip and nft. They are lifted, but a run of the tool that hangs goes on hanging. */
export const TOOL_FAULTS: readonly Fault[] = [
  ...(['fping', 'ip', 'nft'] as const).flatMap(name => [
    tool(`${name} hangs`, tools => {
      tools.plays[name] = never
    }),
    tool(`${name} dies`, tools => {
      tools.plays[name] = dies
    }),
  ]),
  tool('fping finds everybody silent, as when our uplink is down', tools => {
    tools.plays.fping = async ({ input }) => silent(targetsOf(input))
  }),
  tool('fping names one of its targets', tools => {
    tools.plays.fping = async ({ input }) => silent(targetsOf(input).slice(0, 1))
  }),
  tool('fping talks nonsense', tools => {
    tools.plays.fping = async () => says(0, '\u0000\u00ff is alive (x ms)\n'.repeat(500))
  }),
  tool('ip refuses', tools => {
    tools.plays.ip = async () => says(2, '', 'RTNETLINK answers: Operation not permitted\n')
  }),
  tool('ip talks nonsense', tools => {
    tools.plays.ip = async () => says(0, '{"not": "a list"')
  }),
  tool('ip says done and does nothing', tools => {
    tools.plays.ip = async call => (call.args[0] === '-json' ? tools.ip(call) : says(0, ''))
  }),
  tool('ip is late', tools => {
    const { promise, resolve } = Promise.withResolvers<void>()
    tools.plays.ip = call => promise.then(() => tools.ip(call))
    return resolve
  }),
  tool('nft refuses', tools => {
    tools.plays.nft = async () => says(1, '', 'Error: Could not process rule: No buffer space available\n')
  }),
  tool('nft talks nonsense', tools => {
    tools.plays.nft = async () => says(0, 'table ip6 {{{\n'.repeat(100))
  }),
]

function tool(name: string, spoil: (tools: Tools) => (() => void) | undefined): Fault {
  return {
    name,
    isSurvived: true,
    async strike({ tools }) {
      const then = spoil(tools)
      return () => {
        tools.honest()
        then?.()
      }
    },
  }
}

function silent(targets: readonly string[]): Performance {
  return says(1, targets.map(target => `${target} is unreachable\n`).join(''))
}

function says(status: number, stdout: string, stderr = ''): Performance {
  return { status, stdout, stderr }
}
