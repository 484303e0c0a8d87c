import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Prober, Verdict, Verdicts } from '../../src/echo/prober.ts'
import type { Gateway } from '../../src/monitor/default-gateways.ts'
import { Monitor, type MonitorOptions } from '../../src/monitor/monitor.ts'
import type { MonitoredTunnels, ProbeTarget } from '../../src/monitor/monitored-tunnels.ts'
import type { LinkFault } from '../../src/tunnel/interface.ts'

const INTERVAL_MS = 60_000
const HOUR_MS = 3_600_000

/** A life cycle that notes what it is asked; each answer can be replaced. */
class FakeLifecycle implements MonitoredTunnels {
  readonly calls: string[] = []
  readonly rounds: { readonly answered: readonly string[]; readonly silent: readonly string[] }[] = []
  targets: ProbeTarget[] = []
  /** Tunnels whose own interface is not as it should be. */
  readonly unsound = new Set<string>()
  /** Tunnels that something comes from. */
  readonly sending = new Set<string>()
  readonly uncounted = new Set<string>()
  readonly uncompared = new Set<string>()
  bringUp: () => Promise<{ activated: number; failed: number }> = async () => ({ activated: 0, failed: 0 })
  reconciliation: MonitoredTunnels['reconcile'] = async () => ({ made: [], removed: [], faults: [] })

  bringUpNew() {
    this.calls.push('bringUpNew')
    return this.bringUp()
  }

  async probeTargets() {
    this.calls.push('probeTargets')
    return this.targets
  }

  async recordRound(round: (typeof this.rounds)[number]) {
    this.calls.push('recordRound')
    this.rounds.push(round)
    return { removed: 0 }
  }

  async heardSince(ids: readonly string[]) {
    const among = (known: ReadonlySet<string>) => new Set(ids.filter(id => known.has(id)))
    return {
      heard: among(this.sending),
      unknown: among(this.uncounted),
      uncompared: among(this.uncompared),
    }
  }

  reconcile() {
    this.calls.push('reconcile')
    return this.reconciliation()
  }

  async check(ids: readonly string[]) {
    this.calls.push('check')
    return new Set(ids.filter(id => !this.unsound.has(id)))
  }

  async wakeHeard() {
    this.calls.push('wakeHeard')
    return { listened: 0, woken: 0 }
  }

  count(call: string): number {
    return this.calls.filter(name => name === call).length
  }
}

class FakeProber implements Prober {
  readonly kind = 'fping'
  readonly batches: (readonly string[])[] = []
  answer: Prober['probe'] = async targets => repliesOf(targets)(targets)

  probe(...[targets, options]: Parameters<Prober['probe']>) {
    this.batches.push(targets)
    return this.answer(targets, options)
  }
}

/** Those named answer; everybody else who is asked is silent. */
function repliesOf(answering: readonly string[]): (targets: readonly string[]) => Verdicts {
  return targets =>
    new Map(
      targets.map((target): [string, Verdict] => [
        target,
        answering.includes(target) ? { kind: 'answered', rttMs: 1 } : { kind: 'silent' },
      ]),
    )
}

/** Nothing is known of anybody. */
function nothingKnown(targets: readonly string[], reason: string): Verdicts {
  return new Map(targets.map(target => [target, { kind: 'unknown', reason }]))
}

class FakeLog {
  readonly lines: { readonly level: string; readonly facts: object; readonly message: string }[] = []
  debug = (facts: object, message: string) => this.#note('debug', facts, message)
  info = (facts: object, message: string) => this.#note('info', facts, message)
  warn = (facts: object, message: string) => this.#note('warn', facts, message)
  error = (facts: object, message: string) => this.#note('error', facts, message)

  #note(level: string, facts: object, message: string): void {
    this.lines.push({ level, facts, message })
  }

  at(level: string): string[] {
    return this.lines.filter(line => line.level === level).map(line => line.message)
  }
}

function setUp(t: TestContext, options: Partial<MonitorOptions> = {}) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const lifecycle = new FakeLifecycle()
  const prober = new FakeProber()
  const log = new FakeLog()
  const monitor = new Monitor({
    lifecycle,
    prober,
    log,
    intervalMs: INTERVAL_MS,
    timeoutMs: 3000,
    dryRun: false,
    anchors: [],
    prepare: async () => [],
    readGateways: async () => [],
    random: () => 0.5,
    ...options,
  })
  const pass = async (ms: number) => {
    t.mock.timers.tick(ms)
    await setImmediate()
  }
  return { lifecycle, prober, log, monitor, pass }
}

function tunnels(count: number) {
  return Array.from({ length: count }, (_, i) => ({ id: `t${i}`, ipv6Client: `2001:db8::${i + 1}` }))
}

/** A promise that is settled from outside. */
function gate<T>() {
  return Promise.withResolvers<T>()
}

test('a round probes all tunnels in one batch and tells the answers from the silence', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = tunnels(3)
  prober.answer = async targets => repliesOf(['2001:db8::2'])(targets)
  const report = await monitor.runRound()
  assert.deepEqual(prober.batches, [['2001:db8::1', '2001:db8::2', '2001:db8::3']])
  assert.deepEqual(lifecycle.rounds, [{ answered: ['t1'], silent: ['t0', 't2'] }])
  assert.deepEqual(
    { ...report, durationMs: 0 },
    { outcome: 'recorded', targets: 3, answered: 1, silent: 2, unknown: 0, removed: 0, durationMs: 0 },
  )
})

test('who follows a round is told round trips and losses, and not what our own end was at fault for', async t => {
  const told: [[string, number][], readonly string[]][] = []
  const { monitor, lifecycle, prober } = setUp(t, {
    onCounted: ({ answered, silent }) => void told.push([[...answered], silent]),
  })
  lifecycle.targets = tunnels(4)
  lifecycle.unsound.add('t0')
  lifecycle.sending.add('t3')
  prober.answer = async targets => repliesOf(['2001:db8::2'])(targets)
  await monitor.runRound()
  const answered: [string, number][] = [
    ['t1', 1],
    ['t3', 0],
  ]
  assert.deepEqual(told, [[answered, ['t2']]])
})

test('a silent tunnel whose traffic could be counted before, and can not be now, is not counted', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = tunnels(4)
  lifecycle.uncounted.add('t2')
  prober.answer = async targets => repliesOf(['2001:db8::1', '2001:db8::2'])(targets)
  await monitor.runRound()
  assert.deepEqual(
    lifecycle.rounds.map(({ silent }) => silent),
    [['t3']],
  )
})

test('rounds follow each other at the interval', async t => {
  const { monitor, prober, pass } = setUp(t)
  monitor.start()
  await pass(INTERVAL_MS - 1)
  assert.equal(prober.batches.length, 0)
  await pass(1)
  assert.equal(prober.batches.length, 1)
  await pass(INTERVAL_MS)
  assert.equal(prober.batches.length, 2)
  await monitor.stop()
})

for (const [random, ms] of [
  [0, INTERVAL_MS * 0.9],
  [1, INTERVAL_MS * 1.1],
] as const) {
  test(`a round comes up to a tenth earlier or later: ${ms} ms`, async t => {
    const { monitor, prober, pass } = setUp(t, { random: () => random })
    monitor.start()
    await pass(ms - 1)
    assert.equal(prober.batches.length, 0)
    await pass(2)
    assert.equal(prober.batches.length, 1)
    await monitor.stop()
  })
}

test('a round that outlasts the interval is not overlapped by the next', async t => {
  const { monitor, prober, pass } = setUp(t)
  const slow = gate<Verdicts>()
  prober.answer = () => slow.promise
  monitor.start()
  await pass(INTERVAL_MS)
  await pass(5 * INTERVAL_MS)
  assert.equal(prober.batches.length, 1)
  slow.resolve(new Map())
  await setImmediate()
  await pass(INTERVAL_MS)
  assert.equal(prober.batches.length, 2)
  await monitor.stop()
})

test('whoever asks for a round while one runs gets that one', async t => {
  const { monitor, prober } = setUp(t)
  const [first, second] = await Promise.all([monitor.runRound(), monitor.runRound()])
  assert.equal(first, second)
  assert.equal(prober.batches.length, 1)
})

test('a prober that fails makes nobody unreachable', async t => {
  const { monitor, lifecycle, prober, log } = setUp(t)
  lifecycle.targets = tunnels(3)
  prober.answer = async targets => nothingKnown(targets, 'fping did not name it: huh')
  const report = await monitor.runRound()
  assert.equal(report.outcome, 'failed')
  assert.equal(lifecycle.count('recordRound'), 0)
  assert.deepEqual(log.at('error'), ['monitor round failed: nothing was counted'])
  assert.equal(monitor.figures().failed_rounds, 1)
})

test('after a failed round the next one comes as usual', async t => {
  const { monitor, prober, pass } = setUp(t)
  prober.answer = () => Promise.reject(new Error('no process to be had'))
  monitor.start()
  await pass(INTERVAL_MS)
  await pass(INTERVAL_MS)
  assert.equal(prober.batches.length, 2)
  await monitor.stop()
})

test('a wake brings up new tunnels at once', async t => {
  const { monitor, lifecycle } = setUp(t)
  monitor.wake()
  assert.equal(lifecycle.count('bringUpNew'), 1)
})

test('a wake does not wait for the round that runs', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  const slow = gate<Verdicts>()
  prober.answer = () => slow.promise
  const round = monitor.runRound()
  monitor.wake()
  assert.equal(lifecycle.count('bringUpNew'), 1)
  slow.resolve(new Map())
  await round
})

test('a hundred wakes during one pass make one more follow', async t => {
  const { monitor, lifecycle } = setUp(t)
  const slow = gate<{ activated: number; failed: number }>()
  lifecycle.bringUp = () => slow.promise
  for (let i = 0; i < 100; i++) monitor.wake()
  assert.equal(lifecycle.count('bringUpNew'), 1)
  slow.resolve({ activated: 1, failed: 0 })
  await setImmediate()
  assert.equal(lifecycle.count('bringUpNew'), 2)
})

test('a wake in the very tick in which a pass ends is not lost', async t => {
  const { monitor, lifecycle } = setUp(t)
  for (let delay = 0; delay < 12; delay++) {
    lifecycle.calls.length = 0
    const slow = gate<{ activated: number; failed: number }>()
    lifecycle.bringUp = () => slow.promise
    monitor.wake()
    slow.resolve({ activated: 1, failed: 0 })
    for (let tick = 0; tick < delay; tick++) await Promise.resolve()
    monitor.wake()
    await setImmediate()
    assert.equal(lifecycle.count('bringUpNew'), 2, `${delay} ticks later`)
  }
})

test('tunnels that could not be brought up are tried again, each time twice as late, up to a minute', async t => {
  const { monitor, lifecycle, log, pass } = setUp(t)
  lifecycle.bringUp = async () => ({ activated: 0, failed: 1 })
  monitor.wake()
  await setImmediate()
  for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
    const before = lifecycle.count('bringUpNew')
    await pass(seconds * 1000 - 1)
    assert.equal(lifecycle.count('bringUpNew'), before, `not before ${seconds} s`)
    await pass(1)
    assert.equal(lifecycle.count('bringUpNew'), before + 1, `after ${seconds} s`)
  }
  assert.equal(log.at('warn').length, 9)
  await monitor.stop()
})

test('a fault of the database is retried like one of the kernel, and the log says which', async t => {
  const { monitor, lifecycle, log, pass } = setUp(t)
  lifecycle.bringUp = () => Promise.reject(new Error('disk is full'))
  monitor.wake()
  await setImmediate()
  assert.deepEqual(log.lines[0]?.facts, { reason: 'disk is full', retryInMs: 1000 })
  await pass(1000)
  assert.equal(lifecycle.count('bringUpNew'), 2)
  await monitor.stop()
})

test('wakes by new registrations do not push the retry of a failed one away', async t => {
  const { monitor, lifecycle, pass } = setUp(t)
  lifecycle.bringUp = async () => ({ activated: 0, failed: 1 })
  for (let i = 0; i < 20; i++) {
    monitor.wake()
    await setImmediate()
  }
  const before = lifecycle.count('bringUpNew')
  await pass(1000)
  assert.equal(lifecycle.count('bringUpNew'), before + 1)
  await monitor.stop()
})

test('after a success the next failure is retried soon again', async t => {
  const { monitor, lifecycle, log, pass } = setUp(t)
  lifecycle.bringUp = async () => ({ activated: 0, failed: 1 })
  monitor.wake()
  await setImmediate()
  await pass(1000)
  lifecycle.bringUp = async () => ({ activated: 1, failed: 0 })
  await pass(2000)
  lifecycle.bringUp = async () => ({ activated: 0, failed: 1 })
  monitor.wake()
  await setImmediate()
  assert.deepEqual(log.lines.at(-1)?.facts, { activated: 0, failed: 1, retryInMs: 1000 })
  await monitor.stop()
})

test('kernel and table are reconciled at start and then every hour', async t => {
  const { monitor, lifecycle, pass } = setUp(t)
  monitor.start()
  await setImmediate()
  assert.deepEqual(lifecycle.calls.slice(0, 2), ['reconcile', 'bringUpNew'])
  await pass(HOUR_MS)
  assert.equal(lifecycle.count('reconcile'), 2)
  await pass(HOUR_MS)
  assert.equal(lifecycle.count('reconcile'), 3)
  await monitor.stop()
})

test('a reconciliation says in the log what it mended and what it could not', async t => {
  const { monitor, lifecycle, log } = setUp(t)
  lifecycle.reconciliation = async () => ({
    made: ['fn6-1', 'fn6-2'],
    removed: ['fn6-9'],
    faults: [{ device: 'fn6-3', reason: 'File exists' }],
  })
  monitor.start()
  await setImmediate()
  assert.deepEqual(log.lines, [
    { level: 'info', facts: { made: 2, removed: 1 }, message: 'interfaces reconciled with the table' },
    {
      level: 'warn',
      facts: { faults: [{ device: 'fn6-3', reason: 'File exists' }], count: 1 },
      message: 'interfaces differ from the table',
    },
  ])
  await monitor.stop()
})

test('what a reconciliation could not mend is tried again, after a time that doubles, until it is mended', async t => {
  const { monitor, lifecycle, pass } = setUp(t)
  const broken: MonitoredTunnels['reconcile'] = async () => ({
    made: [],
    removed: [],
    faults: [{ device: 'fn6-3', reason: 'ip did not end within 15 s' }],
  })
  const thrown: MonitoredTunnels['reconcile'] = async () => {
    throw new Error('ip can not be run')
  }
  lifecycle.reconciliation = broken
  monitor.start()
  await pass(0)
  const counts = []
  for (const [ms, reconciliation] of [
    [1100, thrown],
    [2100, broken],
    [4100, async () => ({ made: ['fn6-3'], removed: [], faults: [] })],
    [HOUR_MS / 2, broken],
  ] as const) {
    lifecycle.reconciliation = reconciliation
    await pass(ms)
    counts.push(lifecycle.count('reconcile'))
  }
  assert.deepEqual(counts, [2, 3, 4, 4])
  await monitor.stop()
})

test('in a dry run nobody is probed and nobody is removed, and the log says so once', async t => {
  const { monitor, lifecycle, prober, log, pass } = setUp(t, { dryRun: true })
  lifecycle.targets = tunnels(2)
  monitor.start()
  await pass(INTERVAL_MS)
  await pass(INTERVAL_MS)
  assert.equal(prober.batches.length, 0)
  assert.equal(lifecycle.count('recordRound'), 0)
  assert.deepEqual(log.at('info'), ['dry run: tunnels are not probed and none is removed for silence'])
  await monitor.stop()
})

test('in a dry run a table that can not be read fails a round, and the next one comes', async t => {
  const { monitor, lifecycle, pass } = setUp(t, { dryRun: true })
  const probeTargets = lifecycle.probeTargets.bind(lifecycle)
  lifecycle.probeTargets = () => Promise.reject(new Error('disk I/O error'))
  monitor.start()
  await pass(INTERVAL_MS)
  lifecycle.probeTargets = probeTargets
  await pass(INTERVAL_MS)
  assert.deepEqual([monitor.figures().rounds, monitor.figures().failed_rounds], [2, 1])
  await monitor.stop()
})

test('a stop aborts the probe, and a round cut short counts nobody', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = tunnels(2)
  prober.answer = (_targets, { signal }) =>
    new Promise(resolve => signal?.addEventListener('abort', () => resolve(new Map())))
  const round = monitor.runRound()
  await monitor.stop()
  assert.equal((await round).outcome, 'stopped')
  assert.equal(lifecycle.count('recordRound'), 0)
})

test('a stop waits for kernel work that is nearly done', async t => {
  const { monitor, lifecycle } = setUp(t)
  const slow = gate<{ activated: number; failed: number }>()
  lifecycle.bringUp = () => slow.promise
  monitor.wake()
  let stopped = false
  const stopping = monitor.stop().then(() => {
    stopped = true
  })
  await setImmediate()
  assert.equal(stopped, false)
  slow.resolve({ activated: 1, failed: 0 })
  await stopping
})

test('a stop does not wait for ever for a kernel that hangs', async t => {
  const { monitor, lifecycle, pass } = setUp(t)
  lifecycle.bringUp = () => new Promise(() => undefined)
  monitor.wake()
  const stopping = monitor.stop()
  await pass(2000)
  await stopping
})

test('after a stop no timer and no wake does anything', async t => {
  const { monitor, lifecycle, pass } = setUp(t)
  lifecycle.bringUp = async () => ({ activated: 0, failed: 1 })
  monitor.start()
  await setImmediate()
  await monitor.stop()
  const before = lifecycle.calls.length
  monitor.wake()
  await pass(2 * HOUR_MS)
  assert.equal(lifecycle.calls.length, before)
})

test('the figures are those of the last round', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = tunnels(3)
  prober.answer = async targets => repliesOf(['2001:db8::1'])(targets)
  await monitor.runRound()
  assert.deepEqual(
    { ...monitor.figures(), duration_ms: 0 },
    {
      targets: 3,
      answered: 1,
      silent: 2,
      unknown: 0,
      removed: 0,
      duration_ms: 0,
      rounds: 1,
      failed_rounds: 0,
      failed_bring_ups: 0,
      kernel_faults: 0,
      own_outage_since: 0,
    },
  )
})

const GATEWAY: Gateway = { family: 4, address: '192.0.2.1' }
const NOBODY: Prober['probe'] = async targets => repliesOf([])(targets)

test('most tunnels that answered before, silent together, are our own outage: nobody is counted, the log says so once', async t => {
  const { monitor, lifecycle, prober, log } = setUp(t)
  lifecycle.targets = tunnels(20)
  await monitor.runRound()
  prober.answer = NOBODY
  for (let round = 0; round < 10; round++) assert.equal((await monitor.runRound()).outcome, 'own-outage')
  assert.equal(lifecycle.count('recordRound'), 1)
  assert.equal(log.at('warn').length, 1)
  assert.match(monitor.trouble() ?? '', /^cut off since .*: most tunnels that answered before/)
  assert.ok((monitor.figures().own_outage_since ?? 0) > 0)
})

test('an outage of our own ends when tunnels answer again, and the log says so', async t => {
  const { monitor, lifecycle, prober, log } = setUp(t)
  lifecycle.targets = tunnels(20)
  await monitor.runRound()
  prober.answer = NOBODY
  await monitor.runRound()
  prober.answer = async targets => repliesOf(targets)(targets)
  assert.equal((await monitor.runRound()).outcome, 'recorded')
  assert.equal(monitor.trouble(), undefined)
  assert.deepEqual(log.at('info'), ['silence is counted again'])
})

test('the round in which an outage of our own ends counts no silence: some echoes went out before its end', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = tunnels(20)
  await monitor.runRound()
  prober.answer = NOBODY
  await monitor.runRound()
  const most = tunnels(15).map(({ ipv6Client }) => ipv6Client)
  prober.answer = async targets => repliesOf(most)(targets)
  const [ending, next] = [await monitor.runRound(), await monitor.runRound()]
  assert.deepEqual([ending.outcome, ending.answered, ending.silent, ending.unknown], ['recorded', 15, 0, 5])
  assert.deepEqual([next.outcome, next.answered, next.silent], ['recorded', 15, 5])
})

test('a crowd that is silent is asked a second time at once, and an answer then is one', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = tunnels(20)
  await monitor.runRound()
  prober.answer = async targets => repliesOf(prober.batches.length === 2 ? [] : targets)(targets)
  const report = await monitor.runRound()
  assert.deepEqual([report.outcome, report.answered, prober.batches.length], ['recorded', 20, 3])
})

/** Tunnels of a process that was started anew: they answered the one before. */
function knownTunnels(count: number) {
  return tunnels(count).map(tunnel => ({ ...tunnel, answeredLast: true }))
}

test('the first look after a start tells nothing of those that filter echoes: it is neither their silence nor our outage', async t => {
  const { monitor, lifecycle, prober, log } = setUp(t)
  lifecycle.targets = knownTunnels(20)
  const filtering = lifecycle.targets.slice(4).map(({ id }) => id)
  for (const id of filtering) lifecycle.uncompared.add(id)
  prober.answer = async targets => repliesOf(tunnels(4).map(({ ipv6Client }) => ipv6Client))(targets)
  const { outcome, unknown, silent } = await monitor.runRound()
  assert.deepEqual([outcome, unknown, silent], ['recorded', 16, 0])
  lifecycle.uncompared.clear()
  for (const id of filtering) lifecycle.sending.add(id)
  const second = await monitor.runRound()
  assert.deepEqual([second.outcome, second.answered, log.at('warn')], ['recorded', 20, []])
})

test('a round in which nothing could be sent is no first look', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = knownTunnels(3)
  for (const { id } of lifecycle.targets) lifecycle.uncompared.add(id)
  prober.answer = async targets => nothingKnown(targets, 'the network is not there yet')
  assert.equal((await monitor.runRound()).outcome, 'failed')
  prober.answer = NOBODY
  const { outcome, silent, unknown } = await monitor.runRound()
  assert.deepEqual([outcome, silent, unknown], ['recorded', 0, 3])
})

test('a client that filters echoes and was never seen to answer is counted in the first look as well', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = tunnels(1)
  lifecycle.uncompared.add('t0')
  prober.answer = NOBODY
  await monitor.runRound()
  assert.deepEqual(lifecycle.rounds.at(-1), { answered: [], silent: ['t0'] })
})

test('one tunnel whose traffic is counted for the first time makes no failed round, and a later silence counts', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = knownTunnels(1)
  lifecycle.uncompared.add('t0')
  prober.answer = NOBODY
  assert.equal((await monitor.runRound()).outcome, 'recorded')
  await monitor.runRound()
  assert.deepEqual(lifecycle.rounds.at(-1), { answered: [], silent: ['t0'] }, 'in the first round alone')
})

test('an outage of our own that a start falls into is one, whatever the first look at traffic leaves open', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = knownTunnels(20)
  for (const { id } of lifecycle.targets) lifecycle.uncompared.add(id)
  prober.answer = NOBODY
  assert.equal((await monitor.runRound()).silent, 0)
  lifecycle.uncompared.clear()
  assert.equal((await monitor.runRound()).outcome, 'own-outage')
})

test('a look at counters that failed stays unknown when echoes are sent a second time', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = tunnels(20)
  await monitor.runRound()
  lifecycle.uncounted.add('t0')
  const some = tunnels(20).slice(12)
  prober.answer = async targets =>
    repliesOf(
      (prober.batches.length === 2 ? some : tunnels(20).slice(6)).map(({ ipv6Client }) => ipv6Client),
    )(targets)
  const report = await monitor.runRound()
  assert.deepEqual([report.outcome, report.silent, report.unknown], ['recorded', 5, 1])
})

test('half of a crowd that is silent is counted', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = tunnels(20)
  await monitor.runRound()
  const half = tunnels(10).map(({ ipv6Client }) => ipv6Client)
  prober.answer = async targets => repliesOf(half)(targets)
  const report = await monitor.runRound()
  assert.deepEqual([report.outcome, report.silent], ['recorded', 10])
})

test('three tunnels can all die while the gateway answers', async t => {
  const { monitor, lifecycle, prober } = setUp(t, { readGateways: async () => [GATEWAY] })
  lifecycle.targets = tunnels(3)
  await monitor.runRound()
  prober.answer = async targets => repliesOf([GATEWAY.address])(targets)
  await monitor.runRound()
  assert.deepEqual(lifecycle.rounds.at(-1), { answered: [], silent: ['t0', 't1', 't2'] })
})

test('a single tunnel is not counted while a gateway that answered before is silent', async t => {
  const { monitor, lifecycle, prober } = setUp(t, { readGateways: async () => [GATEWAY] })
  lifecycle.targets = tunnels(1)
  await monitor.runRound()
  prober.answer = NOBODY
  assert.equal((await monitor.runRound()).outcome, 'own-outage')
  assert.match(monitor.trouble() ?? '', /192\.0\.2\.1 does not answer any more/)
})

test('a gateway that never answers says nothing', async t => {
  const { monitor, lifecycle, prober } = setUp(t, { readGateways: async () => [GATEWAY] })
  lifecycle.targets = tunnels(2)
  prober.answer = async targets => repliesOf(['2001:db8::1'])(targets)
  await monitor.runRound()
  prober.answer = NOBODY
  await monitor.runRound()
  assert.deepEqual(lifecycle.rounds.at(-1), { answered: [], silent: ['t0', 't1'] })
})

test('a gateway that falls silent while tunnels come through is no evidence', async t => {
  const { monitor, lifecycle, prober } = setUp(t, { readGateways: async () => [GATEWAY] })
  lifecycle.targets = tunnels(2)
  await monitor.runRound()
  prober.answer = async targets => repliesOf(['2001:db8::1'])(targets)
  await monitor.runRound()
  assert.deepEqual(lifecycle.rounds.at(-1), { answered: ['t0'], silent: ['t1'] })
})

test('a default route that is gone is an outage of our own', async t => {
  let gateways: readonly Gateway[] = [GATEWAY]
  const { monitor, lifecycle, prober } = setUp(t, { readGateways: async () => gateways })
  lifecycle.targets = tunnels(1)
  await monitor.runRound()
  gateways = []
  prober.answer = NOBODY
  assert.equal((await monitor.runRound()).outcome, 'own-outage')
})

test('no answer from any anchor is an outage of our own, one answer is none', async t => {
  const { monitor, lifecycle, prober } = setUp(t, { anchors: ['198.51.100.1', '198.51.100.2'] })
  lifecycle.targets = tunnels(1)
  prober.answer = NOBODY
  assert.equal((await monitor.runRound()).outcome, 'own-outage')
  prober.answer = async targets => repliesOf(['198.51.100.2'])(targets)
  for (const _ of ['the end', 'the next']) assert.equal((await monitor.runRound()).outcome, 'recorded')
  assert.deepEqual(lifecycle.rounds.at(-1), { answered: [], silent: ['t0'] })
})

test('where nothing is known of any anchor the health check says what stands in the way', async t => {
  const { monitor, lifecycle, prober } = setUp(t, { anchors: ['198.51.100.1'] })
  lifecycle.targets = tunnels(1)
  prober.answer = async targets => nothingKnown(targets, 'fping is not there')
  assert.equal((await monitor.runRound()).outcome, 'own-outage')
  assert.match(
    monitor.trouble() ?? '',
    /nothing is known of the addresses of monitor.anchors: fping is not there$/,
  )
})

test('answers during an outage of our own are recorded', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = tunnels(20)
  await monitor.runRound()
  prober.answer = async targets => repliesOf(['2001:db8::1'])(targets)
  assert.equal((await monitor.runRound()).outcome, 'own-outage')
  assert.deepEqual(lifecycle.rounds.at(-1), { answered: ['t0'], silent: [] })
})

test('a new process knows from the rows who answered before', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = tunnels(20).map(target => ({ ...target, answeredLast: true }))
  prober.answer = NOBODY
  assert.equal((await monitor.runRound()).outcome, 'own-outage')
})

test('of whom nothing is known, nothing is counted', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = tunnels(40)
  prober.answer = async targets =>
    new Map([...nothingKnown(targets, 'fping did not name it'), ...repliesOf([])(targets.slice(0, 1))])
  const report = await monitor.runRound()
  assert.deepEqual([report.outcome, report.silent, report.unknown], ['recorded', 1, 39])
  assert.deepEqual(lifecycle.rounds, [{ answered: [], silent: ['t0'] }])
})

test('a tunnel that can’t be asked is looked at: our own end may be what is in the way', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = tunnels(2)
  const unknown: Verdict = { kind: 'unknown', reason: 'Required key not available' }
  const replies = repliesOf([])
  prober.answer = async targets =>
    new Map([...(await replies(targets))].map(([address]) => [address, unknown]))
  await monitor.runRound()
  assert.equal(lifecycle.count('check'), 1)
  assert.deepEqual(lifecycle.rounds, [])
})

test('a silent tunnel whose own interface was not sound is not counted', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = tunnels(2)
  lifecycle.unsound.add('t0')
  prober.answer = NOBODY
  const report = await monitor.runRound()
  assert.deepEqual(lifecycle.rounds, [{ answered: [], silent: ['t1'] }])
  assert.equal(report.unknown, 1)
})

test('an outage that begins in the middle of a round counts nobody', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = tunnels(6)
  await monitor.runRound()
  const early = ['2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8::4']
  const first = prober.batches.length
  prober.answer = async targets => repliesOf(prober.batches.length === first + 1 ? early : [])(targets)
  assert.equal((await monitor.runRound()).outcome, 'own-outage')
  assert.equal(lifecycle.rounds.at(-1)?.silent.length, 0)
  assert.match(monitor.trouble() ?? '', /tunnels that answered a moment before are silent now/)
})

test('who filters echoes is no witness of an outage, and those who fall silent beside him are counted', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = tunnels(3)
  lifecycle.sending.add('t0')
  await monitor.runRound()
  prober.answer = NOBODY
  for (let round = 0; round < 3; round++) assert.equal((await monitor.runRound()).silent, 2)
  assert.equal(monitor.trouble(), undefined)
})

test('a router that answers does not speak for what lies beyond it, when that goes in the middle of a round', async t => {
  const { monitor, lifecycle, prober } = setUp(t, { readGateways: async () => [GATEWAY] })
  lifecycle.targets = tunnels(6)
  await monitor.runRound()
  const early = ['2001:db8::4', '2001:db8::5', '2001:db8::6', GATEWAY.address]
  const first = prober.batches.length
  prober.answer = async targets =>
    repliesOf(prober.batches.length === first + 1 ? early : [GATEWAY.address])(targets)
  for (let round = 0; round < 3; round++) assert.equal((await monitor.runRound()).outcome, 'own-outage')
  assert.ok(lifecycle.rounds.every(({ silent }) => silent.length === 0))
})

test('several that fall silent together while others go on are counted', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = tunnels(6)
  await monitor.runRound()
  prober.answer = async targets => repliesOf(targets.filter(one => !/[12]$/.test(one)))(targets)
  assert.equal((await monitor.runRound()).silent, 2)
  assert.equal(monitor.trouble(), undefined)
})

test('silence while a setting of the kernel was wrong is asked about again', async t => {
  const { monitor, lifecycle, prober } = setUp(t)
  lifecycle.targets = tunnels(1)
  prober.answer = async targets => {
    if (prober.batches.length === 1) monitor.kernelTroubled()
    return repliesOf(prober.batches.length === 1 ? [] : targets)(targets)
  }
  const report = await monitor.runRound()
  assert.deepEqual([report.answered, prober.batches.length], [1, 2])
  await monitor.stop()
})

test('a tunnel that something comes from has answered, although its echoes are filtered', async t => {
  const { lifecycle, prober, monitor } = setUp(t)
  lifecycle.targets = tunnels(3)
  prober.answer = async targets => repliesOf([])(targets)
  lifecycle.sending.add('t1')
  await monitor.runRound()
  assert.deepEqual(lifecycle.rounds, [{ answered: ['t1'], silent: ['t0', 't2'] }])
})

test('what all tunnels need and the kernel does not take is trouble, until a reconciliation finds it right', async t => {
  const faults = [{ device: 'fn6-*', reason: 'no source filter: nft is not there' }]
  const { monitor, pass } = setUp(t, { prepare: async () => [...faults] })
  monitor.start()
  await pass(0)
  assert.match(monitor.trouble() ?? '', /kernel is not as tunnels need it: no source filter/)
  assert.equal(monitor.figures().kernel_faults, 1)
  faults.length = 0
  await pass(HOUR_MS)
  assert.equal(monitor.trouble(), undefined)
  await monitor.stop()
})

test('what tunnels do without is a warning, and neither trouble nor a figure that somebody is woken for', async t => {
  const faults: LinkFault[] = [{ device: 'fn6-wg', reason: 'no MSS is lowered: install nft', isMinor: true }]
  const { monitor, pass } = setUp(t, { prepare: async () => [...faults] })
  monitor.start()
  await pass(0)
  assert.equal(monitor.trouble(), undefined)
  assert.equal(monitor.figures().kernel_faults, 0)
  assert.deepEqual(monitor.warnings(), ['no MSS is lowered: install nft'])
  faults.length = 0
  await pass(HOUR_MS)
  assert.deepEqual(monitor.warnings(), [])
  await monitor.stop()
})
