import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer } from 'smtp-server'

export interface Received {
  readonly to: readonly string[]
  /** Head and body as they came, quoted-printable taken out. */
  readonly text: string
}

interface Refusal {
  readonly responseCode: number
  readonly message: string
}

/** A real mail server on loopback. `await using` it. */
export class MailServer {
  readonly received: Received[] = []
  /** What the next mails are refused with before one is taken. */
  readonly #refusals: Refusal[] = []
  readonly url: string
  readonly #server: SMTPServer

  private constructor(server: SMTPServer, url: string) {
    this.#server = server
    this.url = url
  }

  /** On a free port unless one is given. */
  static async open({
    port: wanted = 0,
    refusesSender = false,
    startsTls = false,
    thinks,
  }: {
    readonly port?: number
    /** With a certificate that nobody has vouched for, as a mail server has when it is installed. */
    readonly startsTls?: boolean
    readonly refusesSender?: boolean
    /** Called between a mail's last octet and the reply to it, which waits until this resolves. */
    readonly thinks?: () => Promise<void>
  } = {}): Promise<MailServer> {
    let self: MailServer | undefined
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: startsTls ? ['AUTH'] : ['STARTTLS', 'AUTH'],
      onMailFrom: (_address, _session, done) =>
        done(refusesSender ? Object.assign(new Error('who?'), { responseCode: 553 }) : undefined),
      onData: async (stream, session, done) => {
        const raw = await text(stream)
        await thinks?.()
        const refusal = self === undefined ? undefined : self.#refusals.shift()
        if (self === undefined || refusal !== undefined) {
          done(Object.assign(new Error('not this one'), refusal))
          return
        }
        const to = session.envelope.rcptTo.map(({ address }) => address)
        self.received.push({ to, text: unquoted(raw) })
        done()
      },
    })
    server.listen(wanted, '127.0.0.1')
    await once(server.server, 'listening')
    const { port } = server.server.address() as AddressInfo
    self = new MailServer(server, `smtp://127.0.0.1:${port}`)
    return self
  }

  refuse(...codes: readonly number[]): void {
    for (const responseCode of codes) this.refuseWith(responseCode, 'not this one')
  }

  refuseWith(responseCode: number, message: string): void {
    this.#refusals.push({ responseCode, message })
  }

  /** The next mail that comes, or that has come and was not asked for. */
  async next(): Promise<Received> {
    for (let tries = 0; tries < 6000; tries++) {
      const mail = this.received.shift()
      if (mail !== undefined) return mail
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    throw new Error('no mail came in a minute')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>(resolve => this.#server.close(() => resolve()))
  }
}

/** RFC 2045 6.7. */
function unquoted(text: string): string {
  const octets = text
    .replaceAll(/=\r?\n/g, '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(octets, 'latin1').toString('utf8')
}
