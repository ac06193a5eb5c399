import {
  createEngine,
  type DiscoveryPort,
  type EngineEvent,
  type EngineOptions,
  type HealthPort,
  type InferenceEngine,
  type MemoryPort,
} from "../../src/index.ts";
import { createPlainByteTokenizer } from "./byte-tokenizer.ts";
import { createFakeExecutor, type FakeExecutor, type FakeExecutorOptions } from "./fake-executor.ts";
import { PlainMemory } from "./plain-memory.ts";

/** 256 bytes and an end-of-sequence token. */
export const fixtureVocabSize = 257;
export const eosTokenId = 256;

export interface EngineFixture {
  readonly engine: InferenceEngine;
  readonly executor: FakeExecutor;
  readonly events: EngineEvent[];
  readonly memory: PlainMemory;
}

/** An engine on the fake executor, with its events recorded. */
export function createEngineFixture(
  executorOptions: Partial<FakeExecutorOptions> = {},
  engineOptions: Partial<EngineOptions<MemoryPort, HealthPort | undefined, DiscoveryPort | undefined>> = {},
): EngineFixture {
  const executor = createFakeExecutor({ vocabSize: fixtureVocabSize, ...executorOptions });
  const events: EngineEvent[] = [];
  const memory = new PlainMemory();
  const engine = createEngine({
    executor,
    tokenizer: createPlainByteTokenizer(["<eos>"]),
    eosTokenIds: [eosTokenId],
    model: "fake",
    memory,
    events: { emit: (...event) => events.push(event) },
    random: () => 0.5,
    ...engineOptions,
  });
  return { engine, executor, events, memory };
}

/** A promise and the function that resolves it. */
export function createGate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

/** Logits that make the tokens of a script come one after the other, then the end. */
export function scriptedLogits(
  promptLength: number,
  script: readonly number[],
): (history: readonly number[], row: Float32Array) => void {
  return (history, row) => {
    row.fill(-10);
    row[script[history.length - promptLength] ?? eosTokenId] = 10;
  };
}

export function bytesOf(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}
