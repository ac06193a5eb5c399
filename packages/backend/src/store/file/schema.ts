import type { DatabaseSyncInstance } from "@photostructure/sqlite";
import { BackendError } from "../../errors.ts";

/** "INFN": marks a file as a store of this product, so that no other database is written to. */
const applicationId = 0x49_4e_46_4e;

/**
 * How a file gets from each version to the next one. A step that was released is never changed: a new version is a
 * step at the end. A file of a newer version than the last one is refused.
 */
const migrations: readonly string[] = [
  `
  CREATE TABLE records (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    head TEXT NOT NULL,
    previous_id TEXT,
    used_ms INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX records_by_use ON records (used_ms, key);
  CREATE TABLE items (
    position INTEGER PRIMARY KEY,
    record_key INTEGER NOT NULL REFERENCES records (key) ON DELETE CASCADE,
    list TEXT NOT NULL,
    id TEXT NOT NULL,
    text TEXT NOT NULL
  ) STRICT;
  CREATE INDEX items_of_record ON items (record_key, position);
  CREATE INDEX items_by_id ON items (id, position);
  CREATE TABLE evicted (position INTEGER PRIMARY KEY, id TEXT NOT NULL) STRICT;
  CREATE INDEX evicted_by_id ON evicted (id);
  `,
];

function pragma(database: DatabaseSyncInstance, name: string): number {
  return Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

function refuse(expected: string, got: string): BackendError {
  return new BackendError("STORE_OPEN_FAILED", `expected ${expected}, got ${got}`);
}

/** Checks that a file is new or a store that this release knows. @throws BackendError `STORE_OPEN_FAILED` */
export function assertOwn(database: DatabaseSyncInstance): void {
  const version = pragma(database, "user_version");
  const owner = pragma(database, "application_id");
  const tables = database.prepare("SELECT count(*) AS count FROM sqlite_schema").get() as { count: number };
  const isEmpty = version === 0 && owner === 0 && tables.count === 0;
  if (!isEmpty && owner !== applicationId) {
    throw refuse("a new file or one of this program", "the database of another program");
  }
  if (version > migrations.length) {
    throw refuse(
      `a store of version ${migrations.length} or older`,
      `version ${version}, of a newer release`,
    );
  }
}

/** Makes the file one of the newest version. */
export function migrate(database: DatabaseSyncInstance): void {
  const version = pragma(database, "user_version");
  database.exec("BEGIN IMMEDIATE");
  try {
    for (const step of migrations.slice(version)) database.exec(step);
    database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${migrations.length}`);
    database.exec("COMMIT");
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}
