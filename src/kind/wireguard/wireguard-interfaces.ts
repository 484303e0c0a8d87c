import { rm, writeFile } from 'node:fs/promises'
import { formatPrefix, type Prefix } from '../../address/prefix.ts'
import { NO_DEVICE, routePools, turnForwardingOn } from '../../kernel/forwarding.ts'
import { runBatch, runLines } from '../../kernel/ip-batch.ts'
import { type RunIp, runIp } from '../../kernel/ip-command.ts'
import { type RunNft, runNft } from '../../kernel/nft-command.ts'
import { type Endpoint, parseEndpoint } from '../../shared/endpoint.ts'
import type { Interfaces, Link, LinkFault, Octets, Reconciliation } from '../../tunnel/interface.ts'
import { putPacketRules } from './packet-rules.ts'
import {
  configuration,
  isFiltered,
  type Peer,
  type PeerState,
  peerArguments,
  peerOf,
  readDump,
  removalArguments,
} from './peer.ts'
import {
  addLines,
  isRouted,
  listPeerRoutes,
  networkRemovals,
  type PeerRoutes,
  removeLines,
  strayLines,
} from './peer-routes.ts'
import type { ServerKey } from './server-key.ts'
import { SleepingPeers } from './sleeping-peers.ts'
import { type RunWg, runWg } from './wg-command.ts'
import { type Program, WireguardDevice, wireguardDevice } from './wireguard-device.ts'

export interface WireguardOptions {
  readonly devicePrefix: string
  readonly program: Program
  readonly key: ServerKey
  readonly port: number
  readonly mtu: number
  readonly prefix: Prefix
  /** The block that further prefixes are routed to tunnels from. */
  readonly routedPrefix?: Prefix | undefined
  readonly runIp?: RunIp
  readonly runWg?: RunWg
  readonly runNft?: RunNft
  /** Takes away what was made with another device prefix. Returns what stays. */
  readonly removeFormer?: () => Promise<LinkFault | undefined>
  /** Tells of other programs' routes to networks of peers before these are put: see ForeignRoutes. */
  readonly tellForeign?: (networks: readonly string[]) => Promise<void>
}

/** Peers in one `wg set`: about 100 octets of arguments each, of the 2 MB that a process may have. */
const BATCH_PEERS = 1000

/**
 * The server's ends of the tunnels as one WireGuard interface with a peer each. AllowedIPs are the tunnel's networks, so that
 * nobody sends from another's. A peer is made before its route and goes before it.
 */
export class WireguardInterfaces implements Interfaces {
  readonly kind = 'wireguard'
  readonly #device: WireguardDevice
  readonly #key: ServerKey
  readonly #port: number
  readonly #mtu: number
  readonly #pools: readonly string[]
  readonly #runIp: RunIp
  readonly #runWg: RunWg
  readonly #runNft: RunNft
  readonly #removeFormer: () => Promise<LinkFault | undefined>
  readonly #tellForeign: (networks: readonly string[]) => Promise<void>
  #mayHaveFormer = true
  /** What was last asked for, by device. */
  readonly #peers = new Map<string, Peer>()
  readonly #sleeping = new SleepingPeers()
  #harmed: () => void = () => undefined
  #preparing: Promise<readonly LinkFault[]> | undefined
  /** What was last found at the peers that is not of our making, as text; empty: nothing. */
  #strangeness = ''
  /** Where each peer was last heard from, by public key, as `wg` writes it: of all that the last look has found. */
  #endpoints: ReadonlyMap<string, string> = new Map()

  constructor(options: WireguardOptions) {
    this.#key = options.key
    this.#port = options.port
    this.#mtu = options.mtu
    this.#pools = [options.prefix, options.routedPrefix].filter(pool => pool !== undefined).map(formatPrefix)
    this.#runIp = options.runIp ?? runIp
    this.#runWg = options.runWg ?? runWg
    this.#runNft = options.runNft ?? runNft
    this.#removeFormer = options.removeFormer ?? (async () => undefined)
    this.#tellForeign = options.tellForeign ?? (async () => undefined)
    this.#device = new WireguardDevice({
      name: wireguardDevice(options.devicePrefix),
      program: options.program,
      key: options.key,
      port: options.port,
      mtu: options.mtu,
      runIp: this.#runIp,
      runWg: this.#runWg,
      lost: () => this.#harmed(),
    })
  }

  /** Calls at one time share the work: two would make the interface twice. */
  prepare(): Promise<readonly LinkFault[]> {
    this.#preparing ??= this.#prepareOnce().finally(() => {
      this.#preparing = undefined
    })
    return this.#preparing
  }

  async #prepareOnce(): Promise<readonly LinkFault[]> {
    const former = this.#mayHaveFormer ? await this.#removeFormer() : undefined
    this.#mayHaveFormer = former !== undefined
    const reason = await this.#device.ensure()
    const { name: device } = this.#device
    const unruled = await putPacketRules(this.#runNft, { device, pools: this.#pools })
    const faults = [
      former,
      reason === undefined ? undefined : { device, reason },
      ...(await routePools(this.#runIp, 'unreachable', this.#pools)),
      await turnForwardingOn(),
      unruled,
    ]
    return faults.filter(fault => fault !== undefined)
  }

  async create(links: readonly Link[]): Promise<readonly LinkFault[]> {
    const { peers, faults } = sift(links, this.#mtu)
    await this.#tellForeign(peers.flatMap(({ networks }) => networks))
    const unmade: LinkFault[] = []
    for (let first = 0; first < peers.length; first += BATCH_PEERS)
      unmade.push(...(await this.#createBatch(peers.slice(first, first + BATCH_PEERS))))
    return [...faults, ...unmade]
  }

  /** Endpoints roam by themselves; what can change is the key. */
  changeRemote(links: readonly Link[]): Promise<readonly LinkFault[]> {
    return this.create(links)
  }

  /** One that this process has not been asked for yet goes with the reconciliation at start. */
  async remove(devices: readonly string[]): Promise<readonly LinkFault[]> {
    const peers = devices.flatMap(device => this.#peers.get(device) ?? [])
    const faults: LinkFault[] = []
    for (let first = 0; first < peers.length; first += BATCH_PEERS)
      faults.push(...(await this.#removeBatch(peers.slice(first, first + BATCH_PEERS))))
    return faults
  }

  watch(harmed: () => void): () => void {
    this.#harmed = harmed
    return () => {
      this.#harmed = () => undefined
    }
  }

  close(): void {
    this.#device.close()
  }

  leave(): void {
    this.#device.leave()
  }

  async reconcile(wanted: readonly Link[]): Promise<Reconciliation> {
    const preparation = await this.prepare()
    const states = await this.#readStates()
    const routes = await listPeerRoutes(this.#runIp, this.#device.name)
    if (states === undefined || routes.kind === 'failed') {
      const reason = routes.kind === 'failed' ? routes.reason : 'wg lists no peers'
      return { made: [], removed: [], faults: [...preparation, { device: NO_DEVICE, reason }] }
    }
    const { peers, faults } = sift(wanted, this.#mtu)
    const mended = await this.#mendPeers(peers, states)
    const unrouted = await this.#mendRoutes(peers, routes)
    return {
      made: [...new Set([...mended.made, ...unrouted.made])],
      removed: mended.removed,
      faults: [...preparation, ...faults, ...mended.faults, ...unrouted.faults],
    }
  }

  async amiss(links: readonly Link[]): Promise<readonly string[] | undefined> {
    const states = await this.#readStates()
    const routes = await listPeerRoutes(this.#runIp, this.#device.name)
    if (states === undefined || routes.kind === 'failed') return undefined
    const isWhole = (peer: Peer) => isFiltered(peer, states.get(peer.publicKey)) && isRouted(peer, routes)
    const whole = new Set(
      sift(links, this.#mtu)
        .peers.filter(isWhole)
        .map(({ device }) => device),
    )
    return links.map(({ device }) => device).filter(device => !whole.has(device))
  }

  /** Octets received of each: a client behind NAT says that it is there, whatever it does with echoes. */
  async signsOfLife(devices: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return new Map(Array.from(await this.octets(devices), ([device, { received }]) => [device, received]))
  }

  /** WireGuard's own, which count its headers and its keepalives. */
  async octets(devices: readonly string[]): Promise<ReadonlyMap<string, Octets>> {
    const states = await this.#readStates()
    this.#noticeHarm(states)
    const octets = new Map<string, Octets>()
    for (const device of devices) {
      const state = states?.get(this.#peers.get(device)?.publicKey ?? '')
      if (state !== undefined) octets.set(device, { received: state.received, sent: state.sent })
    }
    return octets
  }

  heardFrom(device: string): Endpoint | undefined {
    return parseEndpoint(this.#endpoints.get(this.#peers.get(device)?.publicKey ?? '') ?? '')
  }

  /** A key that a tunnel which is up has by now is that tunnel's. */
  async listenFor(links: readonly Link[]): Promise<ReadonlySet<string>> {
    if (links.length === 0 && this.#sleeping.size === 0) return new Set()
    const states = await this.#readStates()
    if (states === undefined) return new Set()
    this.#noticeHarm(states)
    const taken = new Set(Array.from(this.#peers.values(), ({ publicKey }) => publicKey))
    const wanted = sift(links, this.#mtu).peers.filter(({ publicKey }) => !taken.has(publicKey))
    const { removed, made, heard } = this.#sleeping.listenFor(wanted, states)
    const strays = removed.filter(key => !taken.has(key))
    await this.#set([...strays.map(removalArguments), ...made.map(publicKey => ['peer', publicKey])])
    return heard
  }

  /** What can't be set now is set the next time. */
  async #set(changes: readonly (readonly string[])[]): Promise<void> {
    for (let first = 0; first < changes.length; first += BATCH_PEERS)
      await this.#runWg(['set', this.#device.name, ...changes.slice(first, first + BATCH_PEERS).flat()])
  }

  async #createBatch(peers: readonly Peer[]): Promise<readonly LinkFault[]> {
    const changes = peers.flatMap(peer => [...this.#formerRemoval(peer), ...peerArguments(peer)])
    const outcome = await this.#runWg(['set', this.#device.name, ...changes])
    if (outcome.kind === 'failed') return peers.map(({ device }) => ({ device, reason: outcome.reason }))
    const former = peers.flatMap(peer => formerNetworks(peer, this.#peers.get(peer.device)))
    for (const peer of peers) {
      this.#peers.set(peer.device, peer)
      this.#sleeping.forget(peer.publicKey)
    }
    await runBatch(this.#runIp, networkRemovals(former, this.#device.name))
    const faults = await this.#route(peers)
    const failed = new Set(faults.map(({ device }) => device))
    if (failed.size > 0) await this.#removeBatch(peers.filter(({ device }) => failed.has(device)))
    return faults
  }

  /** A tunnel whose key was changed leaves its former one. */
  #formerRemoval({ device, publicKey }: Peer): readonly string[] {
    const former = this.#peers.get(device)
    return former === undefined || former.publicKey === publicKey ? [] : removalArguments(former.publicKey)
  }

  async #route(peers: readonly Peer[]): Promise<readonly LinkFault[]> {
    const linesOf = (peer: Peer) => addLines(peer, this.#device.name)
    const reasons = await runLines(this.#runIp, peers, { linesOf, batchTargets: BATCH_PEERS })
    return Array.from(reasons, ([{ device }, reason]) => ({ device, reason }))
  }

  /** A route that somebody else has taken already is no fault: the peer is what lets packets in. */
  async #removeBatch(peers: readonly Peer[]): Promise<readonly LinkFault[]> {
    const changes = peers.flatMap(({ publicKey }) => removalArguments(publicKey))
    const outcome = await this.#runWg(['set', this.#device.name, ...changes])
    if (outcome.kind === 'failed') return peers.map(({ device }) => ({ device, reason: outcome.reason }))
    await runBatch(
      this.#runIp,
      peers.flatMap(peer => removeLines(peer, this.#device.name)),
    )
    for (const { device } of peers) this.#peers.delete(device)
    return []
  }

  async #mendPeers(peers: readonly Peer[], states: ReadonlyMap<string, PeerState>): Promise<Reconciliation> {
    const keys = new Set(peers.map(({ publicKey }) => publicKey))
    const amiss = peers.filter(peer => !isFiltered(peer, states.get(peer.publicKey)))
    const removed = [...states.keys()].filter(key => !keys.has(key) && !this.#sleeping.has(key))
    this.#peers.clear()
    for (const peer of peers) this.#peers.set(peer.device, peer)
    if (amiss.length + removed.length === 0) return { made: [], removed: [], faults: [] }
    const reason = await this.#synchronize(peers)
    if (reason !== undefined) return { made: [], removed: [], faults: [{ device: NO_DEVICE, reason }] }
    return { made: amiss.map(({ device }) => device), removed, faults: [] }
  }

  /** By a file, for `wg` opens what it reads by name, and the private key is in it. */
  async #synchronize(peers: readonly Peer[]): Promise<string | undefined> {
    const file = `${this.#key.file}.conf`
    const privateKey = this.#key.text
    try {
      await writeFile(
        file,
        configuration([...peers, ...this.#sleeping.all], { privateKey, port: this.#port }),
        { mode: 0o600 },
      )
      const outcome = await this.#runWg(['syncconf', this.#device.name, file])
      return outcome.kind === 'failed' ? outcome.reason : undefined
    } catch (error) {
      return `no file for wg syncconf: ${error instanceof Error ? error.message : error}`
    } finally {
      await rm(file, { force: true }).catch(() => undefined) // a disk that takes no change has no such file
    }
  }

  async #mendRoutes(
    peers: readonly Peer[],
    routes: PeerRoutes,
  ): Promise<{ readonly made: readonly string[]; readonly faults: readonly LinkFault[] }> {
    await runBatch(this.#runIp, strayLines(routes, peers, this.#device.name))
    const missing = peers.filter(peer => !isRouted(peer, routes))
    await this.#tellForeign(missing.flatMap(({ networks }) => networks))
    const faults = await this.#route(missing)
    const failed = new Set(faults.map(({ device }) => device))
    return { made: missing.map(({ device }) => device).filter(device => !failed.has(device)), faults }
  }

  /**
   * WireGuard tells nobody of changes, and a peer whose networks somebody has changed may shake hands all the same: whoever
   * reads the states looks for that. What a comparison could not mend is told once.
   */
  #noticeHarm(states: ReadonlyMap<string, PeerState> | undefined): void {
    const keys = new Set<string>()
    const strange: string[] = states === undefined ? [this.#device.name] : []
    for (const peer of states === undefined ? [] : this.#peers.values()) {
      keys.add(peer.publicKey)
      if (!isFiltered(peer, states?.get(peer.publicKey))) strange.push(peer.publicKey)
    }
    for (const key of states?.keys() ?? []) if (!keys.has(key) && !this.#sleeping.has(key)) strange.push(key)
    const found = strange.join()
    const isNews = found !== '' && found !== this.#strangeness
    this.#strangeness = found
    if (isNews) this.#harmed()
  }

  async #readStates(): Promise<ReadonlyMap<string, PeerState> | undefined> {
    const outcome = await this.#runWg(['show', this.#device.name, 'dump'])
    if (outcome.kind === 'failed') return undefined
    const states = readDump(outcome.output)
    this.#endpoints = endpointsIn(states)
    return states
  }
}

function endpointsIn(states: ReadonlyMap<string, PeerState>): ReadonlyMap<string, string> {
  const endpoints = new Map<string, string>()
  for (const [key, { endpoint }] of states) if (endpoint !== undefined) endpoints.set(key, endpoint)
  return endpoints
}

/** What a tunnel had and has no more, such as a routed prefix that was given back. */
function formerNetworks(peer: Peer, former: Peer | undefined): readonly string[] {
  return (former?.networks ?? []).filter(network => !peer.networks.includes(network))
}

function sift(
  links: readonly Link[],
  mtu: number,
): {
  readonly peers: readonly Peer[]
  readonly faults: readonly LinkFault[]
} {
  const peers: Peer[] = []
  const faults: LinkFault[] = []
  for (const link of links) {
    const peer = peerOf(link, mtu)
    if (peer === undefined) faults.push({ device: link.device, reason: 'the row has no key or no address' })
    else peers.push(peer)
  }
  return { peers, faults }
}
