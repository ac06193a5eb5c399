import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { closeDatabase, openDatabase } from "./open-database.ts";

/** The nearest directory that exists: those below it are made when the store is opened. */
async function existingDirectory(file: string): Promise<string> {
  const directory = dirname(file);
  const found = await stat(directory).catch(() => undefined);
  return found === undefined && directory !== dirname(directory) ? existingDirectory(directory) : directory;
}

/** Checks that the file of a store can be opened and written, and makes none. @throws Error with the reason */
export async function probeStoreFile(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found !== undefined) {
    const database = await openDatabase(file);
    closeDatabase(database);
    return;
  }
  await access(await existingDirectory(file), constants.W_OK | constants.X_OK);
}
