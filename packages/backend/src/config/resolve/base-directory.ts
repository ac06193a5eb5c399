import { isAbsolute, resolve } from "node:path";
import { BackendError } from "../../errors.ts";

/** What relative paths count from; `undefined` in a working directory that was deleted. */
export type BaseDirectory = string | undefined;

/** The working directory, or the one that is given, which may count from it; `false` says that there is none. */
export function baseDirectoryOf(given: string | false | undefined): BaseDirectory {
  if (given === false) return undefined;
  if (given !== undefined && isAbsolute(given)) return given;
  try {
    return resolve(process.cwd(), given ?? ".");
  } catch {
    return undefined;
  }
}

/** Makes a path absolute. @throws BackendError `INVALID_CONFIG` for a relative one where nothing is left to count from */
export function absolutePath(base: BaseDirectory, path: string): string {
  if (base !== undefined || isAbsolute(path)) return resolve(base ?? "/", path);
  throw new BackendError(
    "INVALID_CONFIG",
    `expected an absolute path, since the working directory was deleted, got ${JSON.stringify(path)}`,
  );
}
