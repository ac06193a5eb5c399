import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { openContestant, type Contestant, type Machine } from "./contestant.ts";
import { promptTokenIds } from "./measures.ts";

const sizes = { sequenceCount: 1, contextTokens: 1024 };
const firstPromptTokens = 16;
const longPromptTokens = 512;

/** A process from its start to its end. */
export interface ProcessSample {
  /** From the start of the process to the first token of a short prompt. */
  readonly loadMs: number;
  /** After a prompt of 512 tokens and 32 more. */
  readonly peakBytes: number;
}

/** Starts a process, loads, generates, and ends it. Files that it reads are in the page cache after the first time. */
export async function measureProcess(contestant: Contestant, machine: Machine): Promise<ProcessSample> {
  const { vocabSize } = machine.files.shape;
  const startedAt = performance.now();
  const { peer } = await openContestant(contestant, machine, sizes);
  await using _ = peer;
  const short = promptTokenIds(vocabSize, firstPromptTokens, 1);
  await peer.ask({ op: "generate", prompts: [short], tokenCount: 1 });
  const loadMs = performance.now() - startedAt;
  const long = promptTokenIds(vocabSize, longPromptTokens, 2);
  await peer.ask({ op: "generate", prompts: [long], tokenCount: 33 });
  const { peakBytes } = await peer.ask({ op: "memory" });
  return { loadMs, peakBytes };
}

/** The first load, which quantizes: with an empty cache. Seconds to the first token. */
export async function measureFirstLoad(contestant: Contestant, machine: Machine): Promise<number> {
  const cacheDirectory = await mkdtemp(join(machine.cacheDirectory, "first-load-"));
  try {
    const { loadMs } = await measureProcess(contestant, { ...machine, cacheDirectory });
    return loadMs / 1000;
  } finally {
    await rm(cacheDirectory, { recursive: true, force: true });
  }
}
