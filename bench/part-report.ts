import { factor, figure, markdownTable } from './markdown.ts'
import { wrongOf } from './medians.ts'
import { CHANGES_A_SECOND } from './part/churn.ts'
import { CLIENTS } from './part/register.ts'
import { QUESTIONS_A_SECOND } from './part/secondaries.ts'
import type { Run } from './report.ts'
import type { Results } from './session.ts'
import { median } from './statistics.ts'

const MILLION = 1e6

/** The sections about our server alone. */
export function partSections({ results }: Run): readonly string[] {
  return [
    commitSection(results),
    churnSection(results),
    secondariesSection(results),
    registerSection(results),
    webSection(results),
    growthSection(results),
    heapSection(results),
    probeSection(results),
    zoneSection(results),
  ]
}

function commitSection({ commits }: Results): string {
  if (commits.length === 0) return ''
  const rows = [
    ['deleted → no such name, p50', `${figure(median(commits.map(one => one.goneP50)), 2)} ms`],
    ['deleted → no such name, p99', `${figure(median(commits.map(one => one.goneP99)), 2)} ms`],
    ['the same question once more, p50', `${figure(median(commits.map(one => one.againP50)), 2)} ms`],
    ['the same question once more, p99', `${figure(median(commits.map(one => one.againP99)), 2)} ms`],
    ['over TCP, p50', `${figure(median(commits.map(one => one.tcpP50)), 2)} ms`],
    ['over TCP, p99', `${figure(median(commits.map(one => one.tcpP99)), 2)} ms`],
    ['answers looked at', figure(sum(commits.map(one => one.answers)))],
    ['old answers after the commit', figure(sum(commits.map(one => one.staleAnswers)))],
    ['deletions', figure(sum(commits.map(one => one.deletions)))],
    ['registered → AAAA, p50', `${figure(median(commits.map(one => one.activeP50)), 2)} ms`],
    ['registered → AAAA, p99', `${figure(median(commits.map(one => one.activeP99)), 2)} ms`],
  ]
  return `## From commit to answer

${markdownTable(['what', 'figure'], rows)}
When the API has answered a deletion, one of eight UDP sockets asks, in turn, so that every thread is asked, and the same
once more; then the other seven and a TCP connection. Each answer is looked at. The times run from the system call that
sends the question to the one that brings the right answer: what is left of the commit's delay, and the way there and
back. One second of it is not counted: the compiler has seen it all by then. A registration is answered
before its interface is made; the time runs from that reply to the first AAAA.
`
}

function churnSection({ churns }: Results): string {
  if (churns.length === 0) return ''
  const quiet = median(churns.map(one => one.quiet.queriesASecond))
  const churning = median(churns.map(one => one.churning.queriesASecond))
  const rows = [
    ['q/s without changes', figure(quiet)],
    ['q/s with changes', figure(churning)],
    [
      'the second to the first',
      factor(median(churns.map(one => one.churning.queriesASecond / one.quiet.queriesASecond))),
    ],
    [
      'CPU µs a query of the threads that answer, without changes',
      figure(median(churns.map(one => one.quiet.answeringMicroseconds)), 1),
    ],
    ['and with', figure(median(churns.map(one => one.churning.answeringMicroseconds)), 1)],
    [
      'the second to the first',
      factor(median(churns.map(one => one.churning.answeringMicroseconds / one.quiet.answeringMicroseconds))),
    ],
    [
      'queries a CPU second of the whole server, with changes to without',
      factor(median(churns.map(one => one.quiet.cpuMicroseconds / one.churning.cpuMicroseconds))),
    ],
    ['CPU µs a change of the thread that writes', figure(median(churns.map(one => one.changeMicroseconds)))],
    ['changes a second', figure(median(churns.map(one => one.changesASecond)))],
    ['lost or wrong under load', figure(wrongOf(churns.map(one => one.churning)))],
    ['questions beside it about names that stay', figure(sum(churns.map(one => one.checked)))],
    ['of those wrong or missing', figure(sum(churns.map(one => one.wrong)))],
  ]
  return `## Queries while tunnels come and go

${markdownTable(['what', 'figure'], rows)}
Asked for: ${figure(CHANGES_A_SECOND)} changes a second, each a registration or a deletion through the control socket, on disk before its
reply; those that come together share a commit. All of the server's threads share the pinned core, so the work of the
changes is taken from the queries: the q/s tell that, where dnsperf and the client of the changes, on the other core, are
not the limit. The CPU of the threads that answer tells what the changes do to them.
`
}

function secondariesSection({ secondaries }: Results): string {
  if (secondaries.length === 0) return ''
  const rows = (['without', 'with'] as const).map(when => {
    const middle = (pick: (one: Results['secondaries'][number]['with']) => number) =>
      median(secondaries.map(one => pick(one[when])))
    return [
      when,
      figure(middle(one => one.answers)),
      figure(
        middle(one => one.p50),
        2,
      ),
      figure(
        middle(one => one.p99),
        2,
      ),
      figure(middle(one => one.memory) / MILLION),
      figure(middle(one => one.changesASecond)),
    ]
  })
  const p99 = factor(median(secondaries.map(one => one.with.p99 / one.without.p99)))
  return `## Secondaries that hardly read

${markdownTable(['slow secondaries', 'answers', 'p50 ms', 'p99 ms', 'memory, MB', 'changes a second'], rows)}
p99 with them to p99 without: ${p99}. Four ask for the whole zone, again whenever they are cut off: two read 1 KB a second,
two nothing (${figure(sum(secondaries.map(one => one.asked)))} transfers begun, ${figure(sum(secondaries.map(one => one.octets)) / 1000)} KB read). Meanwhile tunnels come and go as in the section before, and
dnsperf asks ${figure(QUESTIONS_A_SECOND)} questions a second; memory is the most that there was.
`
}

function registerSection({ registrations }: Results): string {
  if (registrations.length === 0) return ''
  const middle = (pick: (one: Results['registrations'][number]) => number) => median(registrations.map(pick))
  const rows = [
    ['registrations a second', figure(middle(one => one.aSecond))],
    [
      'p50',
      `${figure(
        middle(one => one.p50),
        1,
      )} ms`,
    ],
    [
      'p99',
      `${figure(
        middle(one => one.p99),
        1,
      )} ms`,
    ],
    ['refused', figure(sum(registrations.map(one => one.refused)))],
    [
      'DNS beside it, p50',
      `${figure(
        middle(one => one.probeP50),
        2,
      )} ms`,
    ],
    [
      'DNS beside it, p99',
      `${figure(
        middle(one => one.probeP99),
        2,
      )} ms`,
    ],
    ['DNS beside it, asked', figure(sum(registrations.map(one => one.probes)))],
    ['of those wrong or missing', figure(sum(registrations.map(one => one.wrongProbes)))],
  ]
  return `## Registrations

${markdownTable(['what', 'figure'], rows)}
${CLIENTS} clients of the API as fast as they are answered, each registration on disk (a sync of the log) before its reply,
interfaces \`dry-run\`.
`
}

function webSection({ webs }: Results): string {
  if (webs.length === 0) return ''
  const rows = (['quiet', 'flooded'] as const).map(when => [
    when === 'quiet'
      ? 'nothing'
      : `${figure(median(webs.map(one => one.queriesASecond)))} DNS questions a second`,
    figure(median(webs.map(one => one[when].pages))),
    figure(median(webs.map(one => one[when].p50)), 2),
    figure(median(webs.map(one => one[when].p99)), 2),
  ])
  return `## Pages beside a flood

${markdownTable(['beside', 'pages', 'p50 ms', 'p99 ms'], rows)}
One visitor asks for the landing page again and again. The whole server has one core, which dnsperf keeps busy: a fair
share of it is a half.
`
}

function growthSection({ growths }: Results): string {
  if (growths.length === 0) return ''
  const rows = [
    ['names put in', figure(median(growths.map(one => one.names)))],
    ['table at the end, MB', figure(median(growths.map(one => one.megabytes)))],
    ['look-ups meanwhile', figure(median(growths.map(one => one.reads)))],
    ['longest pause of the reader before, ms', figure(median(growths.map(one => one.longestQuiet)), 2)],
    ['longest pause of the reader meanwhile, ms', figure(median(growths.map(one => one.longestGrowing)), 2)],
    ['pauses of more than 5 ms meanwhile', figure(median(growths.map(one => one.longPauses)))],
  ]
  return `## A reader while the table grows

${markdownTable(['what', 'figure'], rows)}
One thread looks a name up as fast as it can, the other commits 200 new names at a time, from an empty table on, on a
core each. What the system's scheduler takes is in the pauses: the spell before shows it alone.
`
}

function heapSection({ heaps, tables }: Results): string {
  if (heaps.length === 0) return ''
  const rows = heaps.map((heap, index) => {
    const tunnels = tables[index]?.tunnels ?? Number.NaN
    return [
      figure(tunnels),
      figure(heap.heapBytes / heap.queries, 3),
      figure(heap.arrayBufferBytes / heap.queries, 3),
      figure(heap.collections),
      figure(heap.microseconds, 2),
      figure(heap.tableBytes / tunnels),
    ]
  })
  const head = [
    'tunnels',
    'heap bytes a query',
    'buffer bytes',
    'collections',
    'µs a query',
    'table bytes a tunnel',
  ]
  const sites = heaps[0]?.sites ?? []
  const siteRows = sites.map(({ place, bytes }) => [place, figure(bytes / MILLION, 3)])
  return `## Memory of a query

${markdownTable(head, rows)}
\`respond\` a million times in one process, without sockets, the young generation large enough that nothing is collected on
the way: all that was allocated is there to be counted. V8's sampling profiler over another million saw:

${markdownTable(['where', 'bytes a query'], siteRows)}`
}

function probeSection({ probes }: Results): string {
  if (probes.length === 0) return ''
  const [first] = probes
  const rows = [
    ['tunnels', figure(first?.targets)],
    ['answered', figure(median(probes.map(one => one.answered)))],
    ['seconds', figure(median(probes.map(one => one.seconds)), 2)],
  ]
  return `## A round of the monitor

${markdownTable(['what', 'figure'], rows)}
With fping; the targets are addresses of loopback.
`
}

function zoneSection({ zones }: Results): string {
  const [first] = zones
  if (first === undefined) return ''
  const checks = first.checks.map(({ program }, index) => [
    `${program}, s`,
    figure(median(zones.map(one => one.checks[index]?.seconds ?? Number.NaN)), 2),
  ])
  const rows = [
    ...checks,
    ['freenet6: start to first answer, s', figure(median(zones.map(one => one.startSeconds)), 2)],
    ['memory after the start, MB', figure(median(zones.map(one => one.memory)) / MILLION)],
    ['peak, MB', figure(median(zones.map(one => one.peak)) / MILLION)],
  ]
  return `## A static zone of ${figure(first.records)} records

${markdownTable(['what', 'figure'], rows)}
A, AAAA, MX and TXT in turn. The programs check the same file on the same core, one after the other. The start is that
of the whole service, database and web interface included, with no tunnels.
`
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
