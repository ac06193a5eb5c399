import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createResolvers, type Resolvers } from "../../../src/create-resolvers.ts";
import { createPromptPool, type PromptTask } from "../../../src/models/prompts/prompt-pool.ts";
import type { PromptResult, PromptThread } from "../../../src/models/prompts/prompt-thread.ts";
import { EngineRequestError } from "../../../src/errors.ts";

interface FakeThread extends PromptThread {
  /** What it works on. */
  readonly text: string | undefined;
  becomeReady(): void;
  finish(): Promise<void>;
  die(code: string): Promise<void>;
}

function createFakeThread(): FakeThread {
  const ready = createResolvers<void>();
  ready.promise.catch(() => undefined);
  let work: { readonly text: string; readonly call: Resolvers<PromptResult> } | undefined;
  let hasEnded = false;
  return {
    ready: ready.promise,
    get hasEnded() {
      return hasEnded;
    },
    get text() {
      return work?.text;
    },
    run: ({ prompt }) => {
      if (work !== undefined) throw new Error("one prompt at a time");
      work = { text: prompt.kind === "text" ? prompt.text : "", call: createResolvers() };
      return work.call.promise;
    },
    end: async () => {
      hasEnded = true;
      ready.reject(new EngineRequestError({ code: "ENGINE_DISPOSED", message: "ended" }));
    },
    becomeReady: () => ready.resolve(),
    finish: async () => {
      const { call, text } = work!;
      work = undefined;
      call.resolve({ type: "tokens", tokenIds: Int32Array.of(text.length) });
      await nextTurn();
    },
    die: async (code) => {
      hasEnded = true;
      const error = new EngineRequestError({ code, message: code });
      ready.reject(error);
      work?.call.reject(error);
      work = undefined;
      await nextTurn();
    },
  };
}

async function setUp() {
  const threads: FakeThread[] = [];
  const pool = createPromptPool({
    timeoutMs: 1000,
    startThread: () => {
      const thread = createFakeThread();
      threads.push(thread);
      return thread;
    },
  });
  threads[0]?.becomeReady();
  await pool.ready;
  const run = (text: string, rest: Partial<PromptTask> = {}): Promise<PromptResult> =>
    pool.run({
      kind: "encode",
      prompt: { kind: "text", text },
      contextTokens: 100,
      purpose: "generation",
      limits: { requests: 10, characters: 1_000_000 },
      ...rest,
    });
  return { pool, threads, run };
}

const long = "x".repeat(20_000);

// A prompt is slow by the clock of the test: it does not become so while the machine is busy with something else.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

test("gives one prompt at a time to its thread", async () => {
  const { threads, run, pool } = await setUp();
  const answers = [run("a"), run("bb")];
  await nextTurn();
  expect(threads.map(({ text }) => text)).toEqual(["a"]);
  expect(pool.stats()).toMatchObject({ waitingRequestCount: 2, finishedCount: 0 });
  await threads[0]?.finish();
  expect(threads[0]?.text).toBe("bb");
  await threads[0]?.finish();
  expect(await Promise.all(answers)).toMatchObject([
    { tokenIds: Int32Array.of(1) },
    { tokenIds: Int32Array.of(2) },
  ]);
  expect(pool.stats()).toEqual({ waitingRequestCount: 0, waitingTokenCount: 0, finishedCount: 2 });
});

test("keeps one thread free of long prompts", async () => {
  const { threads, run } = await setUp();
  const answers = [run(long), run(`${long}y`)];
  await nextTurn();
  threads[1]?.becomeReady();
  await nextTurn();
  expect(threads.map(({ text }) => text?.length)).toEqual([20_000, undefined]);
  answers.push(run("small"));
  await nextTurn();
  expect(threads[1]?.text).toBe("small");
  await threads[1]?.finish();
  expect(threads[1]?.text).toBeUndefined();
  await threads[0]?.finish();
  expect(threads[0]?.text?.length).toBe(20_001);
  await threads[0]?.finish();
  await Promise.all(answers);
});

test("a small prompt that takes long counts as a long one", async () => {
  const { threads, run } = await setUp();
  const slow = run("slow");
  const next = run("next");
  await nextTurn();
  expect(threads).toHaveLength(1);
  vi.advanceTimersByTime(100);
  expect(threads).toHaveLength(2);
  threads[1]?.becomeReady();
  await nextTurn();
  expect(threads.map(({ text }) => text)).toEqual(["slow", "next"]);
  await threads[1]?.finish();
  await threads[0]?.finish();
  await Promise.all([slow, next]);
});

test("drops a call whose signal aborts before it starts, and leaves the one that runs alone", async () => {
  const { threads, run, pool } = await setUp();
  const [first, second] = [new AbortController(), new AbortController()];
  const reason = new Error("gone");
  const running = run("running", { signal: first.signal });
  const waiting = run("waiting", { signal: second.signal });
  const last = run("last");
  await nextTurn();
  second.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  first.abort(reason);
  await expect(running).rejects.toBe(reason);
  expect(pool.stats().waitingRequestCount).toBe(1);
  expect(threads[0]?.text).toBe("running");
  await threads[0]?.finish();
  expect(threads[0]?.text).toBe("last");
  await threads[0]?.finish();
  await last;
  const gone = AbortSignal.abort(reason);
  await expect(run("never", { signal: gone })).rejects.toBe(reason);
});

test("a prompt that ends its thread fails alone; the others are done in the next one", async () => {
  const { threads, run } = await setUp();
  const hostile = run("hostile");
  const others = [run("a"), run("bb")];
  await nextTurn();
  await Promise.all([
    expect(hostile).rejects.toMatchObject({ code: "PROMPT_TIMEOUT" }),
    threads[0]?.die("PROMPT_TIMEOUT"),
  ]);
  expect(threads).toHaveLength(2);
  threads[1]?.becomeReady();
  await nextTurn();
  await threads[1]?.finish();
  await threads[1]?.finish();
  expect(await Promise.all(others)).toMatchObject([
    { tokenIds: Int32Array.of(1) },
    { tokenIds: Int32Array.of(2) },
  ]);
});

test("says so when a thread cannot be started again, and tries again for the next prompt", async () => {
  const { threads, run } = await setUp();
  const hostile = run("hostile");
  const other = run("other");
  await nextTurn();
  await Promise.all([
    expect(hostile).rejects.toMatchObject({ code: "PROMPT_TIMEOUT" }),
    threads[0]?.die("PROMPT_TIMEOUT"),
  ]);
  await Promise.all([
    expect(other).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE" }),
    threads[1]?.die("INVALID_TOKENIZER"),
  ]);
  const later = run("later");
  await nextTurn();
  threads[2]?.becomeReady();
  await nextTurn();
  await threads[2]?.finish();
  expect(await later).toMatchObject({ tokenIds: Int32Array.of(5) });
});

test("fails what waits when it is disposed", async () => {
  const { pool, threads, run } = await setUp();
  const calls = Promise.allSettled([run("a"), run("b")]);
  await nextTurn();
  const disposal = pool.dispose();
  await threads[0]?.die("ENGINE_DISPOSED");
  await disposal;
  expect((await calls).map((each) => each.status === "rejected" && each.reason.code)).toEqual([
    "ENGINE_DISPOSED",
    "ENGINE_DISPOSED",
  ]);
  await expect(run("c")).rejects.toMatchObject({ code: "ENGINE_DISPOSED" });
});
