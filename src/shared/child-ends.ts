/** waitpid(2): the pid if it has ended, 0 if it runs, -1 if it is no child of ours. */
type WaitPid = (pid: number, status: number[], options: number) => number

const WNOHANG = 1
/** How often children are asked for whatever the signal says; it also holds this process while one runs. */
const LOOK_MS = 1000

interface Waiting {
  readonly end: (status: number | null) => void
  isHolding: boolean
}

/** Learns when children end that Node has not started: the system tells by a signal that one has, and each is asked for. */
export class ChildEnds {
  readonly #waitpid: WaitPid
  readonly #waiting = new Map<number, Waiting>()
  readonly #look = () => this.#lookAtAll()
  #timer: NodeJS.Timeout | undefined

  constructor(waitpid: WaitPid) {
    this.#waitpid = waitpid
  }

  /** Resolves with the exit status of the child when it has ended; null if a signal ended it. Holds this process until then. */
  of(pid: number): Promise<number | null> {
    return new Promise(end => {
      this.#waiting.set(pid, { end, isHolding: true })
      if (this.#waiting.size === 1) process.on('SIGCHLD', this.#look)
      this.#timer ??= setInterval(this.#look, LOOK_MS)
      this.#lookAtAll() // it may have ended before anybody listened
    })
  }

  /** This process may end before the child. */
  letGo(pid: number): void {
    const waiting = this.#waiting.get(pid)
    if (waiting !== undefined) waiting.isHolding = false
    this.#holdIfAsked()
  }

  #lookAtAll(): void {
    for (const [pid, { end }] of this.#waiting) {
      const status = [0]
      const ended = this.#waitpid(pid, status, WNOHANG)
      if (ended === 0) continue
      this.#waiting.delete(pid)
      end(ended === pid ? exitStatus(status[0] ?? 0) : null)
    }
    this.#holdIfAsked()
    if (this.#waiting.size > 0) return
    process.off('SIGCHLD', this.#look)
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #holdIfAsked(): void {
    if (Array.from(this.#waiting.values()).some(({ isHolding }) => isHolding)) this.#timer?.ref()
    else this.#timer?.unref()
  }
}

/** As WIFEXITED and WEXITSTATUS read it. */
function exitStatus(status: number): number | null {
  return (status & 0x7f) === 0 ? (status >> 8) & 0xff : null
}
