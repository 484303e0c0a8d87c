import { createTransport, type Transporter } from 'nodemailer'
import type { Carrier, Handover, Letter } from './carrier.ts'

export interface MailerOptions {
  /** `smtp://user:password@host:587`; `smtps:` for TLS from the start. */
  readonly smtp: string
  /** The address that mail comes from. */
  readonly from: string
  /** Milliseconds until a server must have all of a mail, its silences among them. */
  readonly patienceMs?: number
}

const CONNECTION_MS = 10_000
const PATIENCE_MS = 30_000
/**
 * RFC 5321 4.5.3.2.6: milliseconds for the reply to a mail's end. The server looks at the mail then; one that is hung up on
 * delivers it all the same, and each further try one more.
 */
const VERDICT_MS = 600_000

/** Hands mail to an SMTP server. */
export class Mailer implements Carrier {
  readonly #transport: Transporter
  readonly #from: string
  readonly #patienceMs: number
  readonly #end = new AbortController()
  /** What is called when the server has all of a mail, by Message-ID. */
  readonly #whenWhole = new Map<string, () => void>()

  constructor({ smtp, from, patienceMs = PATIENCE_MS }: MailerOptions) {
    this.#from = from
    this.#patienceMs = patienceMs
    this.#transport = createTransport({
      url: smtp,
      ...(isOnThisHost(smtp) ? { tls: { rejectUnauthorized: false } } : {}),
      pool: true,
      maxConnections: 2,
      maxRequeues: 0, // what breaks off is tried again from the database
      connectionTimeout: CONNECTION_MS,
      greetingTimeout: CONNECTION_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    })
    this.#transport.use('stream', ({ data, message }, done) => {
      message.processFunc(mail => mail.once('end', () => this.#whenWhole.get(String(data.messageId))?.()))
      done()
    })
  }

  async carry({ to, subject, text, reference }: Letter): Promise<Handover> {
    const messageId = `<${reference}@${this.#from.slice(this.#from.lastIndexOf('@') + 1)}>`
    const patience = new Patience(this.#patienceMs)
    this.#whenWhole.set(messageId, () => patience.begin(VERDICT_MS))
    try {
      // An object and no text: nothing of an address is read as a list of addresses.
      await this.#transport.sendMail({
        from: this.#from,
        to: { name: '', address: to },
        subject,
        text,
        messageId,
        headers: { 'Auto-Submitted': 'auto-generated' }, // RFC 3834 5
        signal: AbortSignal.any([this.#end.signal, patience.signal]),
      })
      return { kind: 'taken' }
    } catch (error) {
      return handoverOf(error)
    } finally {
      this.#whenWhole.delete(messageId)
      patience.end()
    }
  }

  /** What is under way fails. */
  close(): void {
    this.#end.abort()
    this.#transport.close()
  }
}

/** How long something may take, in milliseconds; it can begin anew. */
class Patience {
  readonly #over = new AbortController()
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number) {
    this.begin(ms)
  }

  /** Aborts when it is over. */
  get signal(): AbortSignal {
    return this.#over.signal
  }

  begin(ms: number): void {
    this.end()
    this.#timer = setTimeout(() => this.#over.abort(), ms)
  }

  end(): void {
    clearTimeout(this.#timer)
  }
}

/**
 * Whether mail to a server stays on this host: then a certificate proves nothing more. Debian gives Postfix and Exim one that
 * nobody has vouched for.
 */
export function isOnThisHost(smtp: string): boolean {
  const hostname = URL.parse(smtp)?.hostname ?? ''
  return /^(?:localhost\.?|127(?:\.\d+){3}|\[::1\])$/i.test(hostname)
}

/**
 * RFC 3463 3.8, RFC 4954 6: a server that relays nothing from here, or doubts who we are. It has said nothing of the mailbox,
 * and says the same to every mail until the operator has set it right.
 */
const OF_OUR_STANDING = /^53\d|\b5\.7\.\d|\brelay/i

/** RFC 5321 4.2.1: 4yz may pass, 5yz does not. A sender or a password that is refused is our mistake, not this mail's. */
function handoverOf(error: unknown): Handover {
  const reason = error instanceof Error ? error.message : String(error)
  const { responseCode, response, command } = error as SmtpError
  const isOfThisMail = command === 'RCPT TO' || command === 'DATA'
  if (!isOfThisMail || typeof responseCode !== 'number') return { kind: 'failed', reason, isDown: true }
  const isForGood = responseCode >= 500 && !OF_OUR_STANDING.test(String(response))
  return isForGood ? { kind: 'refused', reason } : { kind: 'failed', reason, isDown: false }
}

interface SmtpError {
  readonly responseCode?: unknown
  /** The server's words. */
  readonly response?: unknown
  readonly command?: unknown
}
