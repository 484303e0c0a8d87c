/**
 * The schema's history: entry n brings a database from version n to n + 1 (PRAGMA user_version). Entries are never
 * edited once released; a change is a new entry.
 */
export const MIGRATIONS: readonly string[] = [
  `
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

  CREATE TABLE resting_indexes (
    pool_index INTEGER PRIMARY KEY,
    free_from  INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX resting_indexes_by_time ON resting_indexes (free_from);

  CREATE TABLE zone_serials (
    apex   TEXT PRIMARY KEY,
    serial INTEGER NOT NULL CHECK (serial BETWEEN 0 AND 4294967295)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE tunnels_of_kinds (
    id            TEXT PRIMARY KEY NOT NULL CHECK (length(id) BETWEEN 1 AND 64),
    IPv4client    TEXT UNIQUE CHECK (length(IPv4client) BETWEEN 7 AND 15),
    IPv6client    TEXT NOT NULL UNIQUE CHECK (length(IPv6client) BETWEEN 2 AND 39),
    IPv6server    TEXT NOT NULL UNIQUE CHECK (length(IPv6server) BETWEEN 2 AND 39),
    device        TEXT NOT NULL UNIQUE CHECK (length(device) BETWEEN 1 AND 15),
    nicname       TEXT NOT NULL CHECK (length(nicname) BETWEEN 1 AND 63 AND nicname = lower(nicname)),
    country       TEXT NOT NULL CHECK (length(country) = 2 AND country = lower(country)),
    os            TEXT NOT NULL,
    creation_time INTEGER NOT NULL CHECK (typeof(creation_time) = 'integer' AND creation_time >= 0),
    unreachable   INTEGER NOT NULL DEFAULT -1 CHECK (typeof(unreachable) = 'integer' AND unreachable >= -1),
    key_hash      BLOB NOT NULL,
    kind          TEXT NOT NULL DEFAULT 'sit',
    details       TEXT,
    UNIQUE (nicname, country)
  );
  INSERT INTO tunnels_of_kinds (rowid, id, IPv4client, IPv6client, IPv6server, device, nicname, country, os,
                                creation_time, unreachable, key_hash)
    SELECT rowid, id, IPv4client, IPv6client, IPv6server, device, nicname, country, os,
           creation_time, unreachable, key_hash FROM tunnels;
  DROP TABLE tunnels;
  ALTER TABLE tunnels_of_kinds RENAME TO tunnels;
  CREATE INDEX tunnels_not_alive ON tunnels (unreachable) WHERE unreachable <> 0;
  `,
]
