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
  `
  ALTER TABLE tunnels ADD COLUMN wait_until INTEGER
    CHECK (wait_until IS NULL OR (typeof(wait_until) = 'integer' AND wait_until >= 0));
  ALTER TABLE tunnels ADD COLUMN state_since INTEGER
    CHECK (state_since IS NULL OR (typeof(state_since) = 'integer' AND state_since >= 0));
  CREATE INDEX tunnels_waiting ON tunnels (wait_until) WHERE wait_until IS NOT NULL;

  CREATE TABLE dormant (
    id            TEXT PRIMARY KEY NOT NULL,
    IPv4client    TEXT,
    IPv6client    TEXT NOT NULL UNIQUE,
    IPv6server    TEXT NOT NULL UNIQUE,
    device        TEXT NOT NULL UNIQUE,
    nicname       TEXT NOT NULL,
    country       TEXT NOT NULL,
    os            TEXT NOT NULL,
    creation_time INTEGER NOT NULL,
    unreachable   INTEGER NOT NULL,
    key_hash      BLOB NOT NULL,
    kind          TEXT NOT NULL,
    details       TEXT,
    since         INTEGER NOT NULL,
    until         INTEGER NOT NULL,
    UNIQUE (nicname, country)
  );
  CREATE INDEX dormant_by_end ON dormant (until);
  CREATE TRIGGER dormant_names BEFORE INSERT ON tunnels
    WHEN EXISTS (SELECT 1 FROM dormant WHERE nicname = NEW.nicname AND country = NEW.country AND id <> NEW.id)
    BEGIN SELECT RAISE(ABORT, 'the name is kept for a dormant tunnel'); END;

  CREATE TABLE clock (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    seen INTEGER NOT NULL
  ) STRICT;
  INSERT INTO clock VALUES (1, 0);
  `,
  `
  ALTER TABLE dormant ADD COLUMN suspended INTEGER NOT NULL DEFAULT 0 CHECK (suspended IN (0, 1));
  CREATE INDEX dormant_suspended ON dormant (IPv4client) WHERE suspended = 1;

  CREATE TABLE notes (
    id   TEXT PRIMARY KEY NOT NULL,
    note TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER notes_of_tunnels AFTER DELETE ON tunnels
    WHEN NOT EXISTS (SELECT 1 FROM dormant WHERE id = OLD.id)
    BEGIN DELETE FROM notes WHERE id = OLD.id; END;
  CREATE TRIGGER notes_of_dormant AFTER DELETE ON dormant
    WHEN NOT EXISTS (SELECT 1 FROM tunnels WHERE id = OLD.id)
    BEGIN DELETE FROM notes WHERE id = OLD.id; END;
  `,
  `
  CREATE TABLE contacts (
    id        TEXT PRIMARY KEY NOT NULL,
    email     TEXT NOT NULL,
    language  TEXT NOT NULL,
    warned_of INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER contacts_of_tunnels AFTER DELETE ON tunnels
    WHEN NOT EXISTS (SELECT 1 FROM dormant WHERE id = OLD.id)
    BEGIN DELETE FROM contacts WHERE id = OLD.id; END;
  CREATE TRIGGER contacts_of_dormant AFTER DELETE ON dormant
    WHEN NOT EXISTS (SELECT 1 FROM tunnels WHERE id = OLD.id)
    BEGIN DELETE FROM contacts WHERE id = OLD.id; END;
  `,
  `
  CREATE TABLE journal (
    apex        TEXT NOT NULL,
    serial_from INTEGER NOT NULL,
    serial_to   INTEGER NOT NULL CHECK (serial_to > serial_from),
    written     INTEGER NOT NULL,
    octets      INTEGER NOT NULL,
    digest      BLOB NOT NULL CHECK (length(digest) = 8),
    removed     BLOB NOT NULL,
    added       BLOB NOT NULL,
    PRIMARY KEY (apex, serial_from)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE UNIQUE INDEX tunnels_public_key
    ON tunnels (CASE WHEN json_valid(details) THEN json_extract(details, '$.publicKey') END) WHERE details IS NOT NULL;
  `,
  `
  CREATE TABLE secrets (
    name  TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE tunnels ADD COLUMN routed_prefix TEXT;
  CREATE UNIQUE INDEX tunnels_routed_prefix ON tunnels (routed_prefix) WHERE routed_prefix IS NOT NULL;
  ALTER TABLE dormant ADD COLUMN routed_prefix TEXT;
  CREATE TRIGGER dormant_routed_prefixes BEFORE INSERT ON tunnels
    WHEN EXISTS (SELECT 1 FROM dormant WHERE routed_prefix = NEW.routed_prefix AND id <> NEW.id)
    BEGIN SELECT RAISE(ABORT, 'the routed prefix is kept for a dormant tunnel'); END;
  CREATE UNIQUE INDEX dormant_routed_prefix ON dormant (routed_prefix) WHERE routed_prefix IS NOT NULL;

  CREATE TABLE resting_routed_prefixes (
    pool_index INTEGER PRIMARY KEY,
    free_from  INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX resting_routed_prefixes_by_time ON resting_routed_prefixes (free_from);
  `,
  `
  CREATE TABLE invitations (
    id        TEXT PRIMARY KEY NOT NULL,
    code_hash BLOB NOT NULL CHECK (length(code_hash) = 32),
    uses      INTEGER NOT NULL CHECK (uses > 0),
    used      INTEGER NOT NULL CHECK (used BETWEEN 0 AND uses),
    expires   INTEGER,
    created   INTEGER NOT NULL,
    note      TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE contact_ways (
    id        TEXT NOT NULL,
    way       TEXT NOT NULL CHECK (way IN ('email', 'webhook')),
    target    TEXT NOT NULL,
    confirmed INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
    PRIMARY KEY (id, way)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO contact_ways SELECT id, 'email', email, 1 FROM contacts;
  ALTER TABLE contacts DROP COLUMN email;
  CREATE TRIGGER contact_ways_of_contacts AFTER DELETE ON contacts
    BEGIN DELETE FROM contact_ways WHERE id = OLD.id; END;

  CREATE TABLE notices (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL,
    occasion TEXT NOT NULL,
    way      TEXT NOT NULL,
    target   TEXT NOT NULL,
    language TEXT NOT NULL,
    nicname  TEXT NOT NULL,
    country  TEXT NOT NULL,
    since    INTEGER NOT NULL,
    made     INTEGER NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    next_try INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX notices_by_try ON notices (way, next_try);
  CREATE INDEX notices_by_tunnel ON notices (id);
  `,
  `
  CREATE INDEX dormant_public_key
    ON dormant (CASE WHEN json_valid(details) THEN json_extract(details, '$.publicKey') END) WHERE details IS NOT NULL;
  `,
  `
  ALTER TABLE contacts ADD COLUMN sleep_told INTEGER;
  `,
  `
  ALTER TABLE tunnels ADD COLUMN mtu INTEGER CHECK (mtu IS NULL OR (typeof(mtu) = 'integer' AND mtu BETWEEN 1280 AND 65535));
  ALTER TABLE dormant ADD COLUMN mtu INTEGER;
  `,
  // Among keys without rowids a search reads each large step on its way, all of it, to compare two columns.
  `
  ALTER TABLE journal RENAME TO former_journal;
  CREATE TABLE journal (
    number      INTEGER PRIMARY KEY,
    apex        TEXT NOT NULL,
    serial_from INTEGER NOT NULL,
    serial_to   INTEGER NOT NULL CHECK (serial_to > serial_from),
    written     INTEGER NOT NULL,
    octets      INTEGER NOT NULL,
    digest      BLOB NOT NULL CHECK (length(digest) = 8),
    removed     BLOB NOT NULL,
    added       BLOB NOT NULL,
    UNIQUE (apex, serial_from)
  ) STRICT;
  INSERT INTO journal (apex, serial_from, serial_to, written, octets, digest, removed, added)
    SELECT apex, serial_from, serial_to, written, octets, digest, removed, added FROM former_journal;
  DROP TABLE former_journal;
  `,
  `
  CREATE TABLE unseen_keys (
    id          TEXT PRIMARY KEY NOT NULL,
    former_hash BLOB,
    link_hash   BLOB,
    until       INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE recovery_links (
    token_hash BLOB PRIMARY KEY NOT NULL,
    id         TEXT NOT NULL,
    until      INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX recovery_links_by_tunnel ON recovery_links (id);
  CREATE TRIGGER proofs_of_tunnels AFTER DELETE ON tunnels
    WHEN NOT EXISTS (SELECT 1 FROM dormant WHERE id = OLD.id)
    BEGIN DELETE FROM unseen_keys WHERE id = OLD.id; DELETE FROM recovery_links WHERE id = OLD.id; END;
  CREATE TRIGGER proofs_of_dormant AFTER DELETE ON dormant
    WHEN NOT EXISTS (SELECT 1 FROM tunnels WHERE id = OLD.id)
    BEGIN DELETE FROM unseen_keys WHERE id = OLD.id; DELETE FROM recovery_links WHERE id = OLD.id; END;
  `,
  // Of zones without tunnels: the journal has theirs too, but for one that has never changed, and until it is trimmed.
  `
  CREATE TABLE zone_digests (
    apex   TEXT PRIMARY KEY NOT NULL,
    serial INTEGER NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 8)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE given_endpoints (
    id TEXT PRIMARY KEY NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER given_endpoints_of_movers AFTER UPDATE OF IPv4client ON tunnels
    BEGIN DELETE FROM given_endpoints WHERE id = OLD.id; END;
  CREATE TRIGGER given_endpoints_of_tunnels AFTER DELETE ON tunnels
    WHEN NOT EXISTS (SELECT 1 FROM dormant WHERE id = OLD.id)
    BEGIN DELETE FROM given_endpoints WHERE id = OLD.id; END;
  CREATE TRIGGER given_endpoints_of_dormant AFTER DELETE ON dormant
    WHEN NOT EXISTS (SELECT 1 FROM tunnels WHERE id = OLD.id AND IPv4client IS OLD.IPv4client)
    BEGIN DELETE FROM given_endpoints WHERE id = OLD.id; END;
  `,
  `
  CREATE TABLE deleted_tunnels (
    number   INTEGER PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    key_hash BLOB NOT NULL,
    columns  TEXT NOT NULL,
    until    INTEGER NOT NULL
  ) STRICT;
  `,
]
