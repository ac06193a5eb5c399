import { realpath } from "node:fs/promises";
import path from "node:path";
import { InferenceError } from "../../../errors.ts";

/** Where the runtime finds the files of a checkpoint. */
export interface WeightFiles {
  /** The folder below which all files really are; what the session is told. */
  readonly rootDirectory: string;
  /** File path as the weight index names it → path relative to the root, with `/`. */
  readonly locations: ReadonlyMap<string, string>;
}

/**
 * Finds the real files and the folder that they have in common.
 *
 * The runtime takes only relative locations, and resolves links before it checks that they stay in
 * its folder; a Hugging Face cache links each file into a folder of blobs.
 *
 * @throws InferenceError `EXECUTOR_FAILED` when a file is missing or no folder holds them all
 */
export async function resolveWeightFiles(filePaths: Iterable<string>): Promise<WeightFiles> {
  const realPaths = new Map<string, string>();
  for (const filePath of new Set(filePaths)) {
    try {
      realPaths.set(filePath, await realpath(filePath));
    } catch (cause) {
      throw new InferenceError("EXECUTOR_FAILED", `the weight file ${filePath} cannot be opened`, { cause });
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
        throw new InferenceError(
          "EXECUTOR_FAILED",
          `the weight files must have a folder in common; found ${first} and ${directory}`,
        );
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
