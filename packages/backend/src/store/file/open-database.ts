import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSyncInstance } from "@photostructure/sqlite";
import { BackendError } from "../../errors.ts";
import { assertOwn, migrate } from "./schema.ts";

/**
 * One process at a time; a commit is on the disk when it returns; what is deleted is overwritten.
 * The lock comes first: with it, the index of the write-ahead log is in memory.
 */
const lock = "PRAGMA locking_mode = EXCLUSIVE";
const settings = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA secure_delete = ON;
  PRAGMA foreign_keys = ON;
`;

/** For a process that is ending and still has the file. */
const lockTimeoutMs = 2000;

/**
 * Opens the file of a store, or makes one that only its owner can read.
 * @throws BackendError `STORE_OPEN_FAILED`
 */
export async function openDatabase(file: string): Promise<DatabaseSyncInstance> {
  let database: DatabaseSyncInstance | undefined;
  try {
    // A daemon without a store in a file does not load it.
    const { DatabaseSync } = await import("@photostructure/sqlite");
    mkdirSync(dirname(file), { recursive: true });
    closeSync(openSync(file, "a", 0o600));
    database = new DatabaseSync(file, { timeout: lockTimeoutMs });
    database.exec(lock);
    // The file of something else stays as it is.
    assertOwn(database);
    database.exec(settings);
    migrate(database);
    return database;
  } catch (error) {
    database?.close();
    const reason = error instanceof Error ? error.message : String(error);
    const isLocked = /database is locked/.test(reason);
    const got = isLocked ? "one that another process uses" : reason;
    throw new BackendError(
      "STORE_OPEN_FAILED",
      `the store ${file}: expected a file that can be opened and written, got: ${got}`,
      { cause: error },
    );
  }
}

/** Closes the file, and gives up its lock at once: the library keeps it for as long as there are statements. */
export function closeDatabase(database: DatabaseSyncInstance): void {
  try {
    database.exec("PRAGMA journal_mode = DELETE; PRAGMA locking_mode = NORMAL; SELECT 1 FROM sqlite_schema");
  } finally {
    database.close();
  }
}
