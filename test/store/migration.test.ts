import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { stateOf } from '../../src/tunnel/tunnel.ts'
import { hashKey } from '../../src/tunnel/tunnel-key.ts'
import { World } from '../lifecycle/world.ts'

/** Schema 1 as it was released. */
const SCHEMA_1 = `
  CREATE TABLE tunnels (
    id            TEXT PRIMARY KEY NOT NULL CHECK (length(id) BETWEEN 1 AND 64),
    IPv4client    TEXT NOT NULL UNIQUE CHECK (length(IPv4client) BETWEEN 7 AND 15),
    IPv6client    TEXT NOT NULL UNIQUE CHECK (length(IPv6client) BETWEEN 2 AND 39),
    IPv6server    TEXT NOT NULL UNIQUE CHECK (length(IPv6server) BETWEEN 2 AND 39),
    device        TEXT NOT NULL UNIQUE CHECK (length(device) BETWEEN 1 AND 15),
    nicname       TEXT NOT NULL CHECK (length(nicname) BETWEEN 1 AND 63 AND nicname = lower(nicname)),
    country       TEXT NOT NULL CHECK (length(country) = 2 AND country = lower(country)),
    os            TEXT NOT NULL,
    creation_time INTEGER NOT NULL CHECK (typeof(creation_time) = 'integer' AND creation_time >= 0),
    unreachable   INTEGER NOT NULL DEFAULT -1 CHECK (typeof(unreachable) = 'integer' AND unreachable >= -1),
    key_hash      BLOB NOT NULL,
    UNIQUE (nicname, country)
  );
  CREATE INDEX tunnels_not_alive ON tunnels (unreachable) WHERE unreachable <> 0;
  CREATE TABLE resting_indexes (pool_index INTEGER PRIMARY KEY, free_from INTEGER NOT NULL) STRICT;
  CREATE INDEX resting_indexes_by_time ON resting_indexes (free_from);
  CREATE TABLE zone_serials (
    apex   TEXT PRIMARY KEY,
    serial INTEGER NOT NULL CHECK (serial BETWEEN 0 AND 4294967295)
  ) STRICT, WITHOUT ROWID;
  PRAGMA user_version = 1;
`

/** As the very first databases were made, which had the same number. */
const WITHOUT_ROWIDS = SCHEMA_1.replace(/\n {2}\);/, '\n  ) WITHOUT ROWID;')

async function migrated(schema = SCHEMA_1): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), 'freenet6-migration-'))
  mkdirSync(join(directory, 'data'))
  const database = new DatabaseSync(join(directory, 'data', 'freenet6.db'))
  database.exec(schema)
  const insert =
    database.prepare(`INSERT INTO tunnels (id, IPv4client, IPv6client, IPv6server, device, nicname,
    country, os, creation_time, unreachable, key_hash) VALUES (?, ?, ?, ?, ?, ?, 'ca', 'linux', 5, ?, ?)`)
  for (const [n, unreachable] of [0, 3, -1].entries()) {
    const network = n === 0 ? '2001:db8:f6:' : `2001:db8:f6:${n}:`
    const hash = hashKey(`key${n}`)
    insert.run(
      `id${n}`,
      `198.51.100.${n}`,
      `${network}:2`,
      `${network}:1`,
      `fn6-${n}`,
      `h${n}`,
      unreachable,
      hash,
    )
  }
  database.exec("INSERT INTO zone_serials VALUES ('freenet6.net', 7000000)")
  database.close()
  return World.open({ directory })
}

test('a database of the first schema keeps its tunnels, keys and serials, and its tunnels are of kind sit', async () => {
  const world = await migrated()
  try {
    assert.deepEqual(
      world.table
        .after('', 10)
        .rows.map(({ id, kind, ipv4Client, unreachable }) => [id, kind.name, ipv4Client, unreachable]),
      [
        ['id0', 'sit', '198.51.100.0', 0],
        ['id1', 'sit', '198.51.100.1', 3],
        ['id2', 'sit', '198.51.100.2', -1],
      ],
    )
    assert.deepEqual(
      world.table.after('', 10).rows.map(stateOf),
      ['active', 'unreachable', 'new'],
      'what was up counts as heard',
    )
    assert.ok(world.table.keyMatches('id1', 'key1'))
    assert.deepEqual(world.table.brokenRows(), [])
    assert.deepEqual(await world.audit.run(), { tunnels: 3, differences: 0 })
    const serial = world.connection
      .prepare("SELECT serial FROM zone_serials WHERE apex = 'freenet6.net'")
      .get()
    assert.equal(serial?.serial, 7_000_001)
  } finally {
    world.end()
  }
})

test('after the migration what was unique still is, and a row may be without an endpoint', async () => {
  const world = await migrated()
  try {
    const row = (
      columns: string,
    ) => `INSERT INTO tunnels (id, IPv4client, IPv6client, IPv6server, device, nicname,
      country, os, creation_time, key_hash, kind) VALUES (${columns}, 'ca', 'linux', 1, x'00', 'null')`
    assert.throws(() => world.edit(row("'x', '198.51.100.0', 'x::2', 'x::1', 'x', 'x'")), /UNIQUE/)
    assert.throws(() => world.edit(row("'x', NULL, '2001:db8:f6::2', 'x::1', 'x', 'x'")), /UNIQUE/)
    assert.throws(() => world.edit(row("'x', NULL, 'x::2', 'x::1', 'fn6-0', 'x'")), /UNIQUE/)
    assert.throws(() => world.edit(row("'x', NULL, 'x::2', 'x::1', 'x', 'h0'")), /UNIQUE/)
    world.edit(row("'x', NULL, 'x::2', 'x::1', 'x', 'x'"))
    world.edit(row("'y', NULL, 'y::2', 'y::1', 'y', 'y'"))
  } finally {
    world.end()
  }
})

test('a database of the very first tables, which had no rowids, keeps its tunnels too', async () => {
  const world = await migrated(WITHOUT_ROWIDS)
  try {
    assert.deepEqual(world.table.brokenRows(), [])
    for (const n of [0, 1, 2]) assert.ok(world.table.keyMatches(`id${n}`, `key${n}`))
    assert.equal(world.table.byId('id1')?.unreachable, 3)
  } finally {
    world.end()
  }
})
