import { readFileSync } from "node:fs";
import { mkdtemp, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { openCheckpoint } from "@infernode/models";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";

const fixtures = fileURLToPath(new URL("../../../../../test/fixtures", import.meta.url));

/** A rotation, and what transformers computes with it past the original context. */
export interface LongPromptCase {
  readonly name: string;
  readonly checkpoint: string;
  readonly changes: object;
  readonly prompts: readonly LongPrompt[];
}

/** A prompt, the logits behind it as floats in base64, and the tokens that follow. */
export interface LongPrompt {
  readonly tokens: readonly number[];
  readonly logits: string;
  readonly greedy: readonly number[];
}

interface LongPrompts {
  readonly originalTokens: number;
  readonly contextTokens: number;
  readonly cases: readonly LongPromptCase[];
}

/** What transformers computes for long prompts. */
export function readLongPrompts(): LongPrompts {
  return JSON.parse(readFileSync(path.join(fixtures, "golden/long-prompts.json"), "utf8")) as LongPrompts;
}

/** Opens a checkpoint with the rotation of a case in its config, in a new folder within `directory`. */
export async function openLongPromptModel(
  { name, checkpoint, changes }: LongPromptCase,
  directory: string,
): Promise<ExecutorModel> {
  const from = path.join(fixtures, "checkpoints", checkpoint);
  const into = await mkdtemp(path.join(directory, "checkpoint-"));
  const config = JSON.parse(await readFile(path.join(from, "config.json"), "utf8"));
  await writeFile(path.join(into, "config.json"), JSON.stringify({ ...config, ...changes }));
  await symlink(path.join(from, "model.safetensors"), path.join(into, "model.safetensors"));
  const opened = await openCheckpoint(into);
  await opened.weights.close();
  return { name, architecture: opened.architecture, weights: opened.weights, config: opened.config };
}
