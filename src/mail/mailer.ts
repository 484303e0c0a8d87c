import { createTransport, type Transporter } from 'nodemailer'
import type { Log } from '../shared/log.ts'

/** Plain text to one person. */
export interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
}

export interface MailerOptions {
  /** `smtp://user:password@host:587`; `smtps:` for TLS from the start. */
  readonly smtp: string
  /** The address that mail comes from. */
  readonly from: string
  readonly log: Log
  /** When a mail that failed is tried again, in milliseconds after each failure. */
  readonly pausesMs?: readonly number[]
}

/** Mails that wait or are on their way; more are refused: whoever floods us must not fill our memory. */
const MAX_WAITING = 1000
const PAUSES_MS = [60_000, 600_000, 3_600_000]
const CONNECTION_MS = 10_000
const SILENCE_MS = 30_000

/** Sends mail in the background: nobody waits for a mail server, and one that is down for an hour loses none. */
export class Mailer {
  readonly #transport: Transporter
  readonly #from: string
  readonly #log: Log
  readonly #pausesMs: readonly number[]
  readonly #timers = new Set<NodeJS.Timeout>()
  #waiting = 0
  #isClosed = false

  constructor({ smtp, from, log, pausesMs = PAUSES_MS }: MailerOptions) {
    this.#from = from
    this.#log = log
    this.#pausesMs = pausesMs
    this.#transport = createTransport({
      url: smtp,
      pool: true,
      maxConnections: 2,
      connectionTimeout: CONNECTION_MS,
      greetingTimeout: CONNECTION_MS,
      socketTimeout: SILENCE_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    })
  }

  /** False: too many are waiting, and this one is not sent. */
  send(mail: Mail): boolean {
    if (this.#isClosed || this.#waiting >= MAX_WAITING) {
      this.#log.error({ waiting: this.#waiting }, 'a mail was not sent: too many are waiting')
      return false
    }
    this.#waiting++
    void this.#try(mail, 0)
    return true
  }

  /** Mails that wait are given up. */
  close(): void {
    this.#isClosed = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    this.#transport.close()
  }

  async #try({ to, subject, text }: Mail, failures: number): Promise<void> {
    try {
      // An object and no text: nothing of an address is read as a list of addresses.
      await this.#transport.sendMail({ from: this.#from, to: { name: '', address: to }, subject, text })
      this.#waiting--
    } catch (error) {
      if (!this.#isClosed) this.#retry({ to, subject, text }, failures, error)
    }
  }

  #retry(mail: Mail, failures: number, error: unknown): void {
    const pause = this.#pausesMs[failures]
    if (pause === undefined) {
      this.#waiting--
      this.#log.error({ err: error }, 'a mail could not be sent: it is given up')
      return
    }
    this.#log.warn(
      { err: error, seconds: Math.round(pause / 1000) },
      'a mail could not be sent: it is tried again',
    )
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      void this.#try(mail, failures + 1)
    }, pause)
    this.#timers.add(timer.unref())
  }
}
