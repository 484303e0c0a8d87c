/** waitpid(2): the pid if it has ended, 0 if it runs, -1 if it is no child of ours. */
type WaitPid = (pid: number, status: number[], options: number) => number

const WNOHANG = 1

/** Learns when children end that Node has not started: the system tells by a signal that one has, and each is asked for. */
export class ChildEnds {
  readonly #waitpid: WaitPid
  readonly #waiting = new Map<number, (status: number | null) => void>()
  readonly #look = () => this.#lookAtAll()

  constructor(waitpid: WaitPid) {
    this.#waitpid = waitpid
  }

  /** Resolves with the exit status of the child when it has ended; null if a signal ended it. */
  of(pid: number): Promise<number | null> {
    return new Promise(resolve => {
      if (this.#waiting.size === 0) process.on('SIGCHLD', this.#look)
      this.#waiting.set(pid, resolve)
      this.#lookAtAll() // it may have ended before anybody listened
    })
  }

  #lookAtAll(): void {
    for (const [pid, resolve] of this.#waiting) {
      const status = [0]
      const ended = this.#waitpid(pid, status, WNOHANG)
      if (ended === 0) continue
      this.#waiting.delete(pid)
      resolve(ended === pid ? exitStatus(status[0] ?? 0) : null)
    }
    if (this.#waiting.size === 0) process.off('SIGCHLD', this.#look)
  }
}

/** As WIFEXITED and WEXITSTATUS read it. */
function exitStatus(status: number): number | null {
  return (status & 0x7f) === 0 ? (status >> 8) & 0xff : null
}
