import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's shared fixtures. */
export const FIXTURES: string = fileURLToPath(new URL("../../../../test/fixtures", import.meta.url));

export const CHECKPOINT_NAMES: readonly string[] = readdirSync(join(FIXTURES, "checkpoints")).toSorted();

export function checkpointDirectory(name: string): string {
  return join(FIXTURES, "checkpoints", name);
}

export function readJson(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
}

export const REPOSITORY: string = fileURLToPath(new URL("../../../../", import.meta.url));
