import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from './fault.ts'

const LONGEST_ABSENCE_MS = 500
const SIGHUPS = 10
const SIGHUP_MS = 50

/** Faults of the process itself. */
export const PROCESS_FAULTS: readonly Fault[] = [
  {
    name: 'kill -9 and start again',
    isSurvived: false,
    async strike({ broker, dice }) {
      await broker.kill()
      await sleep(dice.below(LONGEST_ABSENCE_MS))
      return () => broker.start()
    },
  },
  {
    name: 'SIGTERM and start again',
    isSurvived: false,
    async strike({ broker }) {
      const status = await broker.stop()
      if (status !== 0) throw new Error(`the broker ended with ${status} on SIGTERM`)
      return () => broker.start()
    },
  },
  {
    name: 'SIGSTOP and SIGCONT',
    isSurvived: false,
    async strike({ broker }) {
      broker.signal('SIGSTOP')
      return () => broker.signal('SIGCONT')
    },
  },
  {
    name: 'SIGHUP again and again, the configuration broken',
    isSurvived: true,
    async strike({ broker }) {
      const text = readFileSync(broker.configFile)
      writeFileSync(broker.configFile, text.subarray(0, text.length / 2))
      for (let signal = 0; signal < SIGHUPS; signal++) {
        broker.signal('SIGHUP')
        await sleep(SIGHUP_MS)
      }
      return () => {
        writeFileSync(broker.configFile, text)
        if (broker.isRunning) broker.signal('SIGHUP')
      }
    },
  },
]
