import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Broker } from './broker.ts'
import type { Config } from './config/config.ts'
import { tlsFileWarnings } from './config/tls-rules.ts'
import { Counts } from './engine/counts.ts'
import { Nameserver, type NameserverOptions } from './engine/nameserver.ts'
import { newRateLimitBuckets, RATE_LIMIT_KEY_LENGTH } from './engine/rate-limit.ts'
import type { RefusedTransfer } from './engine/refused-transfer.ts'
import type { TransferPeer } from './engine/transfer-peer.ts'
import type { SignedQuery } from './engine/transfer-times.ts'
import type { SentTransfer } from './engine/transfers.ts'
import { CookieRollover } from './listen/cookie-rollover.ts'
import type { HeldSockets } from './listen/held-sockets.ts'
import { loadLibc } from './listen/libc.ts'
import type { ListenFault } from './listen/listen-fault.ts'
import { type DnsListeners, listenDns } from './listen/listeners.ts'
import { TCP_LIMITS } from './listen/tcp/tcp-listener.ts'
import { AnsweringThreads } from './listen/threads/answering-threads.ts'
import { sumOf } from './listen/threads/shared-counts.ts'
import { DgramListeners } from './listen/udp/udp-listeners.ts'
import type { Secondaries } from './secondary/secondaries.ts'
import { formatEndpoint } from './shared/endpoint.ts'
import type { Log } from './shared/log.ts'
import { VERSION } from './shared/version.ts'
import { type JournalReader, JournalTrimmed } from './store/journal.ts'
import { storageFaultOf } from './store/storage-fault.ts'
import { lowerCaseName, parseName } from './wire/name.ts'
import { RecentSteps } from './zone/recent-steps.ts'

/** The nameserver as it runs: an engine here for TCP, and one in each answering thread for UDP. */
export interface DnsServing {
  readonly listeners: DnsListeners
  /** What became of messages, in all engines together. */
  counts(): Counts
  /** Threads that died and were replaced. */
  readonly threadRestarts: number
  /**
   * Puts other values of `DNS_KEYS_AT_RUN_TIME` in force, without a gap. A transfer under way goes on as it was
   * allowed. Rejects if a thread could not begin: it and those after it, TCP too, go on with the values before.
   */
  renew(config: Config): Promise<void>
  /** Secrets of cookies, for a process that takes over. */
  readonly cookieSecrets: readonly Uint8Array[]
  /** Answers no UDP until `speak` is called; queries wait in the sockets. */
  silence(): Promise<void>
  speak(): Promise<void>
  /** Leaves all to a successor but the connections that stand: these are answered for `milliseconds` at most. */
  drain(milliseconds: number): Promise<void>
  close(): Promise<void>
}

/** The keys of the configuration that an engine is made from. */
export const DNS_KEYS_AT_RUN_TIME = ['dns.nsid', 'dns.keys', 'dns.allow_transfer', 'dns.rate_limit']

/** Binds every listen address and answers. Rejects with a ListenFault that names the address. */
export async function serveDns(
  config: Config,
  {
    broker,
    secondaries,
    sockets,
    cookieSecrets,
    log,
  }: {
    readonly broker: Broker
    readonly secondaries: Secondaries
    /** Where sockets come from; undefined: where the system calls for that are missing. */
    readonly sockets: HeldSockets | undefined
    /** Those of the process before. */
    readonly cookieSecrets: readonly Uint8Array[]
    readonly log: Log
  },
): Promise<DnsServing> {
  const cookies = new CookieRollover(cookieSecrets)
  const buckets = newRateLimitBuckets(randomBytes(RATE_LIMIT_KEY_LENGTH))
  let inForce = config
  const { recent, stop: stopFeeding } = feedRecentSteps(broker, () => inForce)
  const onSent = (sent: SentTransfer) => secondaries.noteTransfer(sent)
  const onRefused = (refused: RefusedTransfer) => secondaries.noteRefused(refused)
  const onSigned = (signed: SignedQuery) => nameserver.noteSigned(signed)
  const engineOf = (values: Config): NameserverOptions => ({
    catalog: { buffer: broker.catalog.buffer },
    recentSteps: recent.buffer,
    nsid: values.dns.nsid,
    version: `freenet6 ${VERSION}`,
    hostname: hostname(),
    cookieSecrets: cookies.secrets.buffer,
    tcpIdleMs: TCP_LIMITS.times.idle,
    keys: values.dns.keys,
    allowTransfer: peersOf(values),
    ...rateLimitOf(values, buckets),
  })
  let isSilent = false
  let warned: readonly string[] = []
  const engine = engineOf(config)
  let nameserver = new Nameserver({ ...engine, ...transfersOf(config, { broker, secondaries }) })
  Object.assign(nameserver, { onSent, onRefused })
  const libc = await loadLibc()
  if (libc === undefined)
    log.warn({}, 'no batched system calls here: UDP is answered by the main thread, slower')
  const threads =
    libc === undefined
      ? undefined
      : new AnsweringThreads({
          libc,
          threads: config.dns.threads,
          sockets,
          engine,
          log,
          isBesideAnother: cookieSecrets.length > 0, // the process that they are from
          onSent,
          onSigned,
          onRefused,
        })
  const onFault = ({ code, message }: ListenFault) => log.error({ code }, `${message}: it is tried again`)
  const listeners = await listenDns({
    // In the demo alone a missing [::1] is a warning: containers often have none.
    endpoints: config.dns.listen.map(endpoint => ({
      ...endpoint,
      optional: config.demo && endpoint.address === '::1',
    })),
    respond: (query, length, reply, client) => nameserver.converse(query, length, reply, client),
    tls: config.dns.tls,
    sockets,
    udp:
      threads ??
      new DgramListeners((query, length, reply, client) => nameserver.respond(query, length, reply, client), {
        onFault,
      }),
    onBound: address =>
      log.info({ address: formatEndpoint(address) }, 'an address has come: it is listened on'),
    onFault,
    onCertificate: address => {
      log.info({ address: formatEndpoint(address) }, 'the certificate can be used now: TLS is answered')
      warned = warnOfCertificate(config, log, warned) // the addresses have one file
    },
  })
  cookies.start()
  const pending = listeners.pending.map(formatEndpoint)
  if (listeners.addresses.length === 0)
    log.error({ pending }, 'no name is answered: no address of dns.listen is there yet; they are waited for')
  else if (pending.length > 0) log.warn({ pending }, 'addresses are not there yet: they are waited for')
  for (const trouble of listeners.tlsTroubles)
    log.error({}, `${trouble}: it is read again until it can be used`)
  warned = warnOfCertificate(config, log, warned)
  for (const { code, message } of listeners.warnings) log.warn({ code }, message)
  return {
    listeners,
    get threadRestarts() {
      return threads?.restarts ?? 0
    },
    counts: () =>
      sumOf(new Counts(), [nameserver.counts, ...(threads === undefined ? [] : [threads.engineCounts])]),
    renew: async values => {
      const next = engineOf(values)
      await threads?.renew(next)
      nameserver = new Nameserver({ ...next, ...transfersOf(values, { broker, secondaries }) }, nameserver)
      Object.assign(nameserver, { onSent, onRefused })
      inForce = values
    },
    get cookieSecrets() {
      return cookies.kept
    },
    silence: async () => {
      if (isSilent) return
      isSilent = true
      await threads?.pause()
    },
    speak: async () => {
      if (!isSilent) return
      isSilent = false
      await threads?.start()
    },
    drain: async milliseconds => {
      cookies.stop()
      // RFC 7828 3.4: a timeout of 0 asks the client to come back over another connection.
      const last = { ...engineOf(inForce), tcpIdleMs: 0 }
      nameserver = new Nameserver({ ...last, ...transfersOf(inForce, { broker, secondaries }) }, nameserver)
      Object.assign(nameserver, { onSent, onRefused })
      await listeners.drain(milliseconds)
    },
    close: () => {
      cookies.stop()
      stopFeeding()
      return listeners.close()
    },
  }
}

/** Says in the log what those who verify the certificate of TLS would mind, unless it is among `said`; returns what they mind. */
export function warnOfCertificate(
  config: Pick<Config, 'dns'>,
  log: Log,
  said: readonly string[] = [],
): readonly string[] {
  const warnings = tlsFileWarnings(config)
  for (const warning of warnings) if (!said.includes(warning)) log.warn({}, warning)
  return warnings
}

/** Keeps each small step where those who answer UDP find it, as long as somebody may ask for it. */
function feedRecentSteps(
  { store }: Pick<Broker, 'store'>,
  inForce: () => Config,
): { readonly recent: RecentSteps; readonly stop: () => void } {
  const recent = new RecentSteps()
  const stop = store.onCommitted(({ serials }) => {
    if (inForce().dns.allow_transfer.length === 0) return
    for (const { apex, difference } of serials)
      if (difference !== undefined) recent.append(lowerCaseName(apex), difference)
  })
  return { recent, stop }
}

/** Transfers of many messages go over TCP, which this thread answers. */
function transfersOf(
  config: Config,
  { broker, secondaries }: { readonly broker: Broker; readonly secondaries: Secondaries },
): Pick<NameserverOptions, 'transfers'> {
  const { catalog } = broker
  const allow = peersOf(config)
  if (allow.length === 0) return {}
  return {
    transfers: {
      allow,
      snapshot: () => catalog.snapshot(),
      since: (apex, serials) => {
        const steps = stepsSince(broker, apex, serials)
        return steps && { next: () => stepWhileOpen(broker, steps) }
      },
      onSent: sent => secondaries.noteTransfer(sent),
      onRefused: refused => secondaries.noteRefused(refused),
    },
  }
}

/** Undefined, too, if the journal can't be read: then the whole zone is sent, which is in memory. */
function stepsSince(
  { isOpen, store }: Broker,
  ...asked: Parameters<JournalReader['since']>
): ReturnType<JournalReader['since']> {
  if (!isOpen) return undefined
  try {
    return store.journal.since(...asked)
  } catch (error) {
    if (storageFaultOf(error) === undefined) throw error
    store.noteFault(error)
    return undefined
  }
}

/** The journal goes to the process that takes over, whatever was still to be read. */
function stepWhileOpen<Step>(
  broker: Broker,
  steps: Iterator<Step, undefined>,
): IteratorResult<Step, undefined> {
  if (!broker.isOpen) throw new JournalTrimmed('the journal is another process’s now')
  try {
    return steps.next()
  } catch (error) {
    broker.store.noteFault(error)
    throw error
  }
}

function peersOf({ dns }: Config): readonly TransferPeer[] {
  return dns.allow_transfer.map(peer => (typeof peer === 'string' ? { key: keyNameOf(peer) } : peer))
}

/** Of `key:NAME`, in wire form and lower case; that there is such a key has been checked. */
function keyNameOf(peer: string): Uint8Array {
  return lowerCaseName(parseName(peer.slice('key:'.length)) ?? Uint8Array.of(0))
}

function rateLimitOf(
  { dns: { rate_limit } }: Config,
  buckets: SharedArrayBuffer,
): Pick<NameserverOptions, 'rateLimit'> {
  const { responses_per_second: responsesPerSecond, all_per_second: allPerSecond, slip } = rate_limit
  if (responsesPerSecond === 0 && allPerSecond === 0) return {}
  return { rateLimit: { buckets, responsesPerSecond, allPerSecond, slip } }
}
