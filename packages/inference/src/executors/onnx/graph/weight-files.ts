import { realpath } from "node:fs/promises";
import path from "node:path";
import { InferenceError, reasonOf } from "../../../errors.ts";

/** Locations of a checkpoint's files, for the runtime. */
export interface WeightFiles {
  /** The directory that contains all real files. */
  readonly rootDirectory: string;
  /** File path in the weight index → path relative to the root, with `/`. */
  readonly locations: ReadonlyMap<string, string>;
}

/**
 * Resolves links, and finds the directory that contains all files.
 *
 * The runtime takes only relative locations, and resolves links before it checks that they are in its directory; a
 * Hugging Face cache links each file into a directory of blobs.
 *
 * @throws InferenceError `EXECUTOR_FAILED` when a file is missing or no directory contains all of them
 */
export async function resolveWeightFiles(filePaths: Iterable<string>): Promise<WeightFiles> {
  const realPaths = new Map<string, string>();
  for (const filePath of new Set(filePaths)) {
    try {
      realPaths.set(filePath, await realpath(filePath));
    } catch (cause) {
      const message = `the weight file ${filePath} cannot be opened: ${reasonOf(cause)}`;
      throw new InferenceError("EXECUTOR_FAILED", message, { cause });
    }
  }
  const rootDirectory = commonDirectory([...realPaths.values()]);
  const locations = new Map<string, string>();
  for (const [filePath, realPath] of realPaths) {
    locations.set(filePath, path.relative(rootDirectory, realPath).split(path.sep).join("/"));
  }
  return { rootDirectory, locations };
}

function commonDirectory(filePaths: readonly string[]): string {
  const [first = process.cwd(), ...rest] = filePaths.map((filePath) => path.dirname(filePath));
  let common = first;
  for (const directory of rest) {
    while (!isInside(common, directory)) {
      const parent = path.dirname(common);
      if (parent === common) {
        const mismatch = { expected: "weight files on one drive", got: `${first} and ${directory}` };
        throw new InferenceError("EXECUTOR_FAILED", mismatch);
      }
      common = parent;
    }
  }
  return common;
}

function isInside(directory: string, other: string): boolean {
  const relative = path.relative(directory, other);
  return relative !== ".." && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative);
}
