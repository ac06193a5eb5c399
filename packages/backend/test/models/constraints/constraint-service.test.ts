import type { ConstraintSource } from "@infernode/inference/constraint";
import { afterEach, expect, test } from "vitest";
import {
  createConstraintService,
  type EngineConstraints,
} from "../../../src/models/constraints/constraint-service.ts";
import type { ConstraintThread } from "../../../src/models/constraints/constraint-thread.ts";
import { startBuiltConstraintThread } from "../../support/create-core-with-built-threads.ts";

/** One token for each byte. */
const tokens = { vocabSize: 256, bytesOf: (tokenId: number): Uint8Array => Uint8Array.of(tokenId) };
const never = new AbortController().signal;

let service: EngineConstraints;
let threads: ConstraintThread[] = [];
afterEach(async () => {
  await service.dispose();
  threads = [];
});

function create(timeoutMs = 60_000): EngineConstraints {
  const startThread = (): ConstraintThread => {
    const thread = startBuiltConstraintThread();
    threads.push(thread);
    return thread;
  };
  service = createConstraintService({ startThread, tokens, timeoutMs });
  return service;
}

async function accepts(source: ConstraintSource, text: string): Promise<boolean> {
  const state = (await service.prepare(source, never)).start();
  for (const byte of new TextEncoder().encode(text)) {
    if (!state.allows(byte)) return false;
    state.accept(byte);
  }
  return state.isComplete;
}

test("compiles in one thread, which starts with the first constraint, and once for each", async () => {
  create();
  expect(threads).toHaveLength(0);
  const source = { regex: "a+b" };
  const [first, second] = await Promise.all([1, 2].map(() => service.prepare({ ...source }, never)));
  expect(second).toBe(first);
  expect(await accepts(source, "aab")).toBe(true);
  expect(await accepts(source, "aac")).toBe(false);
  expect(await accepts({ jsonSchema: { type: "integer" } }, "-12")).toBe(true);
  expect(threads).toHaveLength(1);
});

test("has the thread work out, after compiling, what texts will ask for", async () => {
  const kinds: string[] = [];
  const prepared: number[] = [];
  let onLast: () => void;
  const last = new Promise<void>((resolve) => (onLast = resolve));
  const startThread = (): ConstraintThread => {
    const thread = startBuiltConstraintThread();
    return {
      ready: thread.ready,
      get hasEnded() {
        return thread.hasEnded;
      },
      end: () => thread.end(),
      run: async (job, timeoutMs) => {
        kinds.push(job.kind);
        const result = await thread.run(job, timeoutMs);
        if (result.kind === "tokens") prepared.push(result.tokens.length);
        if (result.kind === "tokens" && result.isLast) onLast();
        return result;
      },
    };
  };
  service = createConstraintService({ startThread, tokens, timeoutMs: 60_000 });
  const source = { jsonSchema: { type: "string", pattern: "fox.*dog.*owl" } };
  await service.prepare(source, never);
  await last;
  expect(kinds.slice(0, 3).toSorted()).toEqual(["compile", "prepare", "tree"]);
  expect(prepared.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(2);
  expect(await accepts(source, '"a fox, a dog, an owl"')).toBe(true);
  expect(await accepts(source, '"a fox, an owl, a dog"')).toBe(false);
});

test("names the field of what is refused, and goes on", async () => {
  create();
  const refused = service.prepare({ jsonSchema: { properties: { a: { unevaluatedItems: false } } } }, never);
  await expect(refused).rejects.toMatchObject({
    code: "UNSUPPORTED_CONSTRAINT",
    param: "constraint",
    message: expect.stringContaining("#/properties/a/unevaluatedItems"),
  });
  expect(await accepts({ choice: ["yes"] }, "yes")).toBe(true);
  expect(threads).toHaveLength(1);
});

test("ends a thread that takes too long, and starts another one for the next constraint", async () => {
  create(1);
  const large = { type: "string", pattern: `^(${"(a|b|ab)*c".repeat(40)}){1,200}$` };
  await expect(service.prepare({ jsonSchema: large }, never)).rejects.toMatchObject({
    code: "CONSTRAINT_TIMEOUT",
    data: { timeoutMs: 1 },
  });
  expect(threads[0]?.hasEnded).toBe(true);
});

test("a marked token is not written by the bytes of others", async () => {
  const marked = { vocabSize: 257, bytesOf: (id: number) => Uint8Array.of(id), marks: new Map([[256, "a"]]) };
  service = createConstraintService({
    startThread: startBuiltConstraintThread,
    tokens: marked,
    timeoutMs: 60_000,
  });
  const state = (await service.prepare({ token: "a" }, never)).start();
  expect(Array.from({ length: 257 }, (_, id) => id).filter((id) => state.allows(id))).toEqual([256]);
  state.accept(256);
  expect(state.isFinished).toBe(true);
});

test("a caller who leaves does not take the constraint from others", async () => {
  create();
  const leaving = new AbortController();
  const left = service.prepare({ regex: "x{3}" }, leaving.signal);
  const staying = service.prepare({ regex: "x{3}" }, never);
  leaving.abort(new Error("gone"));
  await expect(left).rejects.toThrow("gone");
  expect((await staying).start().isComplete).toBe(false);
});

test("forgets the constraints that were used longest ago", async () => {
  create();
  const first = await service.prepare({ choice: ["0"] }, never);
  for (let at = 1; at <= 16; at += 1) await service.prepare({ choice: [`${at}`] }, never);
  expect(await service.prepare({ choice: ["16"] }, never)).toBe(
    await service.prepare({ choice: ["16"] }, never),
  );
  expect(await service.prepare({ choice: ["0"] }, never)).not.toBe(first);
});

test("refuses what comes after its end", async () => {
  create();
  await service.dispose();
  await expect(service.prepare({ choice: ["a"] }, never)).rejects.toMatchObject({ code: "ENGINE_DISPOSED" });
});
