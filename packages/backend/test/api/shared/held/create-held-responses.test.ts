import * as fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { CancelledError } from "../../../../src/api/shared/cancelled-error.ts";
import type { Generation, PreparedGeneration } from "../../../../src/api/shared/generation.ts";
import {
  createHeldResponses,
  type HeldLimits,
} from "../../../../src/api/shared/held/create-held-responses.ts";
import type { HeldReader, HeldResponse, HeldResponses } from "../../../../src/api/shared/held-responses.ts";
import { createResolvers } from "../../../../src/create-resolvers.ts";
import { heldLimits } from "../../../support/held-limits.ts";

/** A generation of which a test makes the events. */
interface Source {
  readonly prepared: PreparedGeneration;
  /** Resolves when the event was taken, and the next one is asked for. */
  push(event: string): Promise<void>;
  end(): void;
  fail(error: Error): void;
  releasedCount: number;
}

let nextId = 0;

function createSource(): Source {
  const queue: { readonly event: string | undefined; readonly error?: Error }[] = [];
  let wake = createResolvers<void>();
  let asked = createResolvers<void>();
  const put = (each: (typeof queue)[number]): void => {
    queue.push(each);
    wake.resolve();
  };
  async function* chunks(signal: AbortSignal): AsyncGenerator<readonly string[]> {
    const onAbort = (): void => put({ event: undefined, error: signal.reason as Error });
    signal.addEventListener("abort", onAbort);
    for (;;) {
      const each = queue.shift();
      if (each === undefined) {
        asked.resolve();
        await wake.promise;
        wake = createResolvers();
      } else if (each.error instanceof CancelledError) {
        yield ["cancelled"];
        return;
      } else if (each.error !== undefined) {
        throw each.error;
      } else if (each.event === undefined) {
        return;
      } else {
        yield [each.event];
      }
    }
  }
  nextId += 1;
  const source: Source = {
    prepared: {
      id: `resp_${nextId}`,
      modelId: "model",
      isStream: true,
      fieldNames: { prompt: "input" },
      start: async (signal): Promise<Generation> => ({
        progress: { promptTokens: 1, completionTokens: 1, firstTokenAtMs: undefined, finishReasons: [] },
        collect: async () => [],
        chunks: () => chunks(signal),
        snapshot: () => ({ id: "snapshot" }),
        release: () => {
          source.releasedCount += 1;
        },
      }),
    },
    async push(event) {
      asked = createResolvers();
      put({ event });
      await asked.promise;
    },
    end: () => put({ event: undefined }),
    fail: (error) => put({ event: undefined, error }),
    releasedCount: 0,
  };
  return source;
}

let held: HeldResponses | undefined;
afterEach(async () => held?.dispose());

function create(limits: Partial<HeldLimits> = {}): HeldResponses {
  held = createHeldResponses({ ...heldLimits, ...limits });
  return held;
}

async function start(table: HeldResponses, source: Source, isDetached = true): Promise<HeldResponse> {
  return table.start({
    prepared: source.prepared,
    isDetached,
    toErrorEvent: (error) => `failed: ${(error as Error).message}`,
    signal: new AbortController().signal,
  });
}

async function readAll(reader: HeldReader): Promise<unknown[]> {
  const events: unknown[] = [];
  for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
    events.push(...batch);
  }
  return events;
}

test("readers get all events from where they begin, whenever they come, at their own pace", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ maxLength: 20 }), { minLength: 1, maxLength: 20 }),
      fc.array(fc.tuple(fc.nat(20), fc.nat(20)), { maxLength: 5 }),
      async (events, readers) => {
        const table = create();
        const source = createSource();
        const response = await start(table, source);
        const results: { readonly from: number; readonly events: Promise<unknown[]> }[] = [];
        for (const [at, event] of events.entries()) {
          await source.push(event);
          for (const [when, back] of readers) {
            const from = Math.max(0, at + 1 - back);
            if (when === at) results.push({ from, events: readAll(response.open(from - 1)) });
          }
        }
        source.end();
        await response.ended;
        for (const result of results) expect(await result.events).toEqual(events.slice(result.from));
        expect(await readAll(response.open(-1))).toEqual(events);
        await table.dispose();
      },
    ),
    { seed: 21, numRuns: 100 },
  );
});

test("a response that fails has its last event, and its memory is released once", async () => {
  const source = createSource();
  const response = await start(create(), source);
  await source.push("a");
  source.fail(new Error("broken"));
  await response.ended;
  expect(await readAll(response.open(-1))).toEqual(["a", "failed: broken"]);
  expect(source.releasedCount).toBe(1);
});

test("without readers the oldest events are dropped beyond the memory of a response", async () => {
  const table = create({ responseBytes: 1000 });
  const source = createSource();
  const response = await start(table, source);
  for (let count = 0; count < 50; count += 1) await source.push("x".repeat(100));
  expect(table.stats().sizeBytes).toBeLessThanOrEqual(1000);
  expect(() => response.open(-1)).toThrow(expect.objectContaining({ code: "events_not_held", status: 410 }));
  expect(() => response.open(50)).toThrow(expect.objectContaining({ code: "invalid_value" }));
  source.end();
  expect(await readAll(response.open(47))).toHaveLength(2);
});

test("with a reader the generation waits until it has read, or left", async () => {
  const source = createSource();
  const response = await start(create({ responseBytes: 1000 }), source);
  const reader = response.open(-1);
  let pushedCount = 0;
  const pushAll = async (): Promise<void> => {
    for (; pushedCount < 20; pushedCount += 1) await source.push("x".repeat(200));
  };
  const pushing = pushAll();
  const first = await reader.next();
  expect(pushedCount).toBeLessThan(4);
  expect(first?.length).toBeGreaterThan(0);
  reader.close();
  await pushing;
  source.end();
  await response.ended;
});

test("beyond the memory of all, those that ended first are dropped, then events of those that run", async () => {
  const table = create({ totalBytes: 4000, responseBytes: 3000 });
  const ended = createSource();
  const first = await start(table, ended);
  await ended.push("x".repeat(500));
  ended.end();
  await first.ended;
  const running = [createSource(), createSource(), createSource()];
  const responses: HeldResponse[] = [];
  for (const source of running) responses.push(await start(table, source));
  for (let count = 0; count < 20; count += 1) {
    for (const source of running) await source.push("x".repeat(100));
  }
  expect(table.find(first.id)).toBeUndefined();
  expect(table.stats()).toMatchObject({ runningCount: 3, endedCount: 0 });
  expect(table.stats().sizeBytes).toBeLessThanOrEqual(4000);
  expect(() => first.open(-1)).toThrow(expect.objectContaining({ code: "events_not_held" }));
  for (const response of responses) expect(() => response.open(18)).not.toThrow();
});

test("where all that may be held run, another one is refused, until one has ended", async () => {
  const table = create({ maxCount: 1 });
  const source = createSource();
  const response = await start(table, source);
  await expect(start(table, createSource())).rejects.toMatchObject({
    code: "server_overloaded",
    status: 503,
  });
  source.end();
  await response.ended;
  const next = await start(table, createSource());
  expect(table.find(response.id)).toBeUndefined();
  expect(table.find(next.id)).toBe(next);
});

test("a response of a session ends when nobody has read it for the grace time; a detached one goes on", async () => {
  const table = create({ graceMs: 10 });
  const own = createSource();
  const detached = createSource();
  const response = await start(table, own, false);
  const other = await start(table, detached);
  const reader = response.open(-1);
  await own.push("a");
  reader.close();
  await response.ended;
  expect(await readAll(response.open(-1))).toEqual(["a", "cancelled"]);
  expect(other.isRunning).toBe(true);
});

test("an ended response is forgotten after its time", async () => {
  const table = create({ holdMs: 5 });
  const source = createSource();
  const response = await start(table, source);
  source.end();
  await response.ended;
  await expect.poll(() => table.find(response.id)).toBeUndefined();
  expect(table.stats()).toEqual({ runningCount: 0, endedCount: 0, sizeBytes: 0 });
});
