/**
 * The same random questions about the same random zones, asked of Debian's named, knotd and nsd and of us, the spawned
 * program. Where two of them agree with each other and not with us, the test fails, and shows the zones' part in it,
 * the question and all four replies. `comparable.ts` says what has to agree, `own-faults.ts` what holds of each reply
 * of ours whatever the others say, `random-zone.ts` what the zones are made of.
 *
 * All comes from one seed, which is printed: the same one in every run of the suite, so that the suite says the same
 * about the same code. To look for more, take others; to see a failure again, take the one that it names:
 *
 *     FREENET6_SEED=random FREENET6_QUESTIONS=100000 node --test test/peers/answers.test.ts
 *     FREENET6_SEED=4711 node --test test/peers/answers.test.ts
 *
 * What it prints of the answers: `same`, two peers say what we say; `supported`, no two agree, and one says what we
 * say; `open`, nobody says what we say, and the RFCs leave it open.
 */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { lowerCaseName } from '../../src/wire/name.ts'
import { requirePackages } from '../packages.ts'
import { startServer } from '../spawn.ts'
import { Borders } from './chain.ts'
import type { Served } from './comparable.ts'
import { examine } from './examination.ts'
import { textOf, wireOf } from './labels.ts'
import { PEER_NAMES, Peer, type ZoneFile } from './peer.ts'
import { Random } from './random.ts'
import { randomQuestion } from './random-question.ts'
import { randomWorld, type World } from './random-world.ts'
import { zoneText } from './random-zone.ts'
import { untilServed } from './servers.ts'
import { ZoneData } from './zone-data.ts'

const { FREENET6_SEED = '1' } = process.env
const SEED = FREENET6_SEED === 'random' ? randomInt(2 ** 31) : Number(FREENET6_SEED)
const QUESTIONS = Number(process.env.FREENET6_QUESTIONS ?? 20_000)
const QUESTIONS_A_WORLD = 200
const MAX_SHOWN = 5

test('named, knotd, nsd and we give the same answers', async t => {
  if (!(await requirePackages(t, PEER_NAMES))) return
  t.diagnostic(`FREENET6_SEED=${SEED} FREENET6_QUESTIONS=${QUESTIONS}`)
  const random = new Random(SEED)
  const worlds = random.list(Math.ceil(QUESTIONS / QUESTIONS_A_WORLD), index => randomWorld(index, random))
  const asked = random.list(QUESTIONS, () => {
    const world = random.pick(worlds)
    return { world, question: randomQuestion(world, random) }
  })
  const directory = mkdtempSync(join(tmpdir(), 'freenet6-peers-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const { files, served } = writeZones(worlds, join(directory, 'zones'), random)

  await using stack = new AsyncDisposableStack()
  const us = stack.use(await startServer({ config: `zones_dir = "${join(directory, 'zones')}"` }))
  const ours = { name: 'freenet6', endpoint: us.endpoint(), linesAbout: () => us.stderr }
  const peers = await Promise.all(PEER_NAMES.map(name => Peer.start(name, files, directory)))
  for (const peer of peers) stack.use(peer)
  const servers = [ours, ...peers]
  const ports = new Set(servers.map(({ endpoint }) => endpoint.port))
  assert.equal(ports.size, servers.length, 'one server would be asked in the place of two')
  for (const server of servers) await untilServed(server, worlds)

  const { reports, summary } = await examine(asked, servers, served)
  t.diagnostic(summary)
  const shown = reports.slice(0, MAX_SHOWN).join('\n\n')
  assert.equal(
    reports.length,
    0,
    `${reports.length} answers differ, FREENET6_SEED=${SEED} FREENET6_QUESTIONS=${QUESTIONS}\n\n${shown}`,
  )
})

function writeZones(
  worlds: readonly World[],
  directory: string,
  random: Random,
): { files: readonly ZoneFile[]; served: Served } {
  mkdirSync(directory)
  const zones = worlds.flatMap(world => world.zones)
  const data = new ZoneData()
  const files = zones.map((zone, index) => {
    const file = join(directory, `${index}.zone`)
    const text = zoneText(zone, random)
    writeFileSync(file, text)
    data.add(text)
    return { name: textOf(zone.apex), file }
  })
  const apexes = zones.map(({ apex }) => Buffer.from(lowerCaseName(wireOf(apex))))
  return { files, served: { borders: new Borders(apexes), data } }
}
