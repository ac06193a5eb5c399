import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's shared fixtures. */
export const fixturesDirectory: string = fileURLToPath(new URL("../../../../test/fixtures", import.meta.url));

export const checkpointNames: readonly string[] = readdirSync(
  join(fixturesDirectory, "checkpoints"),
).toSorted();

export function checkpointDirectory(name: string): string {
  return join(fixturesDirectory, "checkpoints", name);
}

export function readJson(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
}

export const repositoryDirectory: string = fileURLToPath(new URL("../../../../", import.meta.url));
