import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { firstEvent } from "../../../src/operations/operation.ts";
import { describePrompt } from "../../../src/operations/describe-prompt.ts";
import { generate, type GenerateEvent, type GenerateInput } from "../../../src/operations/generate.ts";
import type { Prompt } from "../../../src/operations/prompt.ts";
import { tokenize } from "../../../src/operations/tokenize.ts";
import type { CreateEngineCore, EngineCore } from "../../../src/models/engine/engine-core.ts";
import type { GpuIdentity } from "../../../src/models/gpu/gpu-identity.ts";
import type { KernelVerdict } from "../../../src/models/gpu/kernel-verdict.ts";
import {
  createEngineSupervisor,
  type EngineSupervisor,
  type EngineSupervisorOptions,
} from "../../../src/models/local/engine-supervisor.ts";
import { createResolvers } from "../../../src/create-resolvers.ts";
import { createEventBus, type EventBus } from "../../../src/events/event-bus.ts";
import type { InfernodeEvent } from "../../../src/events/event-map.ts";
import { coreOptions, createFakeCores, type FakeCore } from "../../support/fake-core.ts";
import { createFakeProcesses, type FakeProcess } from "../../support/fake-process.ts";
import { gpuIdentity as identity } from "../../support/gpu-identity.ts";

interface Setup {
  readonly supervisor: EngineSupervisor;
  readonly cores: FakeCore[];
  readonly processes: FakeProcess[];
  readonly events: EventBus;
  readonly heard: InfernodeEvent[];
  /** Resolves at the next event of this name. */
  readonly next: (name: InfernodeEvent[0]) => Promise<unknown>;
}

const open: EngineSupervisor[] = [];
afterEach(async () => {
  for (const supervisor of open.splice(0)) await supervisor.dispose();
});

function setUp(
  options: Partial<EngineSupervisorOptions> & {
    readonly createCore?: CreateEngineCore;
    readonly selfTest?: (core: EngineCore) => Promise<void>;
  } = {},
): Setup {
  const { createCore, selfTest, ...rest } = options;
  const fakes = createFakeCores();
  const { processes, startProcess } = createFakeProcesses(createCore ?? fakes.createCore, selfTest);
  const events = createEventBus({
    onHandlerError: (error) => {
      throw error;
    },
  });
  const heard: InfernodeEvent[] = [];
  events.onAny((...event) => heard.push(event));
  const supervisor = createEngineSupervisor({
    engine: coreOptions,
    events,
    startProcess,
    firstRestartDelayMs: 1,
    exitGraceMs: 50,
    ...rest,
  });
  open.push(supervisor);
  const next = (name: InfernodeEvent[0]): Promise<unknown> =>
    new Promise((resolve) => {
      const off = events.on(name, (payload) => {
        off();
        resolve(payload);
      });
    });
  return { supervisor, cores: fakes.cores, processes, events, heard, next };
}

let requestCount = 0;
function requestOf(tokenIds: readonly number[]): GenerateInput {
  return { id: `r${(requestCount += 1)}`, prompt: { kind: "tokens", tokenIds } };
}

function generateOn(
  supervisor: EngineSupervisor,
  input: GenerateInput,
  signal: AbortSignal,
): AsyncIterable<GenerateEvent> {
  return supervisor.call(generate, input, { modelId: "fake", signal });
}

async function tokensOf(supervisor: EngineSupervisor, prompt: Prompt): Promise<readonly number[]> {
  return (await firstEvent(supervisor.call(tokenize, prompt, { modelId: "fake" }))).tokenIds;
}

function begin(
  supervisor: EngineSupervisor,
  tokenIds: readonly number[],
  more: Pick<GenerateInput, "canRestart"> = {},
) {
  const controller = new AbortController();
  const replies: GenerateEvent[] = [];
  let wake = (): void => undefined;
  const ended = (async () => {
    for await (const reply of generateOn(
      supervisor,
      { ...requestOf(tokenIds), ...more },
      controller.signal,
    )) {
      replies.push(reply);
      wake();
    }
  })();
  ended.catch(() => wake());
  const until = async (count: number): Promise<void> => {
    while (replies.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { controller, replies, ended, until };
}

const texts = (replies: readonly GenerateEvent[]): readonly string[] =>
  replies.map((reply) => (reply.type === "delta" ? reply.delta.text : reply.type));

async function stepUntil(core: FakeCore | undefined, ended: Promise<unknown>): Promise<void> {
  const state = { isOver: false };
  const over = (): void => {
    state.isOver = true;
  };
  ended.then(over, over);
  while (!state.isOver) {
    core?.step();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a life without trouble", () => {
  test("is starting, then ready, then stopped", async () => {
    const { supervisor, heard, cores } = setUp();
    expect(supervisor.state).toBe("starting");
    expect(supervisor.reasons()).toEqual(["the engine is loading the model"]);
    expect(supervisor.stats()).toBeUndefined();
    const model = await supervisor.start();
    expect(model.id).toBe("fake");
    expect(supervisor).toMatchObject({ state: "ready", model, pid: 1, description: "a fake" });
    expect(supervisor.reasons()).toEqual([]);
    expect(heard.map(([name]) => name)).toEqual([
      "backend:model-loaded",
      "backend:engine-started",
      "backend:engine-state-changed",
    ]);
    await supervisor.dispose();
    expect(supervisor.state).toBe("stopped");
    expect(cores[0]?.isDisposed).toBe(true);
  });

  test("passes replies on in order, and the engine's events", async () => {
    const { supervisor, cores, heard } = setUp();
    await supervisor.start();
    const { replies, ended, until } = begin(supervisor, [1, 2, 3]);
    await until(1);
    await stepUntil(cores[0], ended);
    expect(texts(replies)).toEqual(["accepted", "1", "2", "3", "finished"]);
    expect(heard.some(([name]) => name === "inference:step-finished")).toBe(true);
    expect(supervisor.stats()?.stepCount).toBeGreaterThanOrEqual(3);
  });

  test("sends one message for a step, with the deltas of all requests", async () => {
    const { supervisor, cores, processes } = setUp({ heartbeatIntervalMs: 60_000 });
    await supervisor.start();
    const calls = [begin(supervisor, [1, 2]), begin(supervisor, [3, 4]), begin(supervisor, [5, 6])];
    for (const call of calls) await call.until(1);
    const messages = processes[0]?.messages ?? [];
    const before = messages.length;
    cores[0]?.step();
    for (const call of calls) await call.until(2);
    expect(messages).toHaveLength(before + 1);
    expect(messages.at(-1)).toMatchObject({
      type: "batch",
      callEvents: [{ length: 2 }, { length: 2 }, { length: 2 }],
      events: [["inference:step-finished", { decodeTokenCount: 3 }]],
    });
    for (const call of calls) call.controller.abort();
    await Promise.allSettled(calls.map((call) => call.ended));
  });

  test("answers tokenize", async () => {
    const { supervisor } = setUp();
    await supervisor.start();
    expect(await tokensOf(supervisor, { kind: "tokens", tokenIds: [7, 8] })).toEqual([7, 8]);
    expect(
      await firstEvent(
        supervisor.call(describePrompt, { kind: "tokens", tokenIds: [7, 8] }, { modelId: "fake" }),
      ),
    ).toEqual({
      type: "description",
      tokenIds: [7, 8],
      spellings: ["7", "8"],
      text: "7 8",
    });
    await expect(tokensOf(supervisor, { kind: "text", text: "x" })).rejects.toMatchObject({
      name: "EngineRequestError",
      code: "INTERNAL",
    });
  });

  test("refuses work before it is ready", async () => {
    const { supervisor } = setUp();
    await expect(begin(supervisor, [1]).ended).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE" });
    await expect(tokensOf(supervisor, { kind: "tokens", tokenIds: [] })).rejects.toMatchObject({
      code: "ENGINE_UNAVAILABLE",
    });
  });
});

describe("cancelling", () => {
  test("reaches the engine when the signal is aborted, and rejects with its reason", async () => {
    const { supervisor, cores } = setUp();
    await supervisor.start();
    const { controller, ended, until } = begin(supervisor, [1, 2, 3]);
    await until(1);
    const reason = new Error("the client left");
    controller.abort(reason);
    await expect(ended).rejects.toBe(reason);
    await stepUntil(cores[0], untilIdle(cores[0]));
    expect(cores[0]?.running.size).toBe(0);
  });

  test("reaches the engine when the reader leaves the loop", async () => {
    const { supervisor, cores } = setUp();
    await supervisor.start();
    for await (const _ of generateOn(supervisor, requestOf([1, 2]), new AbortController().signal)) break;
    await untilIdle(cores[0]);
    expect(cores[0]?.running.size).toBe(0);
  });

  test("does nothing when the signal was aborted before", async () => {
    const { supervisor } = setUp();
    await supervisor.start();
    const reason = new Error("too late");
    const replies = generateOn(supervisor, requestOf([1]), AbortSignal.abort(reason));
    await expect(replies[Symbol.asyncIterator]().next()).rejects.toBe(reason);
  });
});

async function untilIdle(core: FakeCore | undefined): Promise<void> {
  while ((core?.running.size ?? 0) > 0) await new Promise((resolve) => setImmediate(resolve));
}

describe("a crash", () => {
  test("fails what was streaming, replays what was not, and serves again", async () => {
    const { supervisor, cores, processes, heard, next } = setUp();
    await supervisor.start();
    const streaming = begin(supervisor, [1, 2, 3]);
    await streaming.until(1);
    cores[0]?.step();
    await streaming.until(2);
    const waiting = begin(supervisor, [4, 5]);
    await waiting.until(1);
    const restarted = next("backend:engine-restarted");
    processes[0]?.crash();
    await expect(streaming.ended).rejects.toMatchObject({
      code: "ENGINE_CRASHED",
      message: expect.stringMatching(/by SIGABRT[^]*the last line/),
    });
    expect(supervisor.state).toBe("restarting");
    expect(supervisor.stats()).toBeUndefined();
    expect(supervisor.reasons()[0]).toContain("crash 1 of at most 5");
    await restarted;
    expect(supervisor).toMatchObject({ state: "ready", restartCount: 1, pid: 2 });
    await stepUntil(cores[1], waiting.ended);
    expect(texts(waiting.replies)).toEqual(["accepted", "4", "5", "finished"]);
    const crash = heard.find(([name]) => name === "backend:engine-crashed");
    expect(crash?.[1]).toMatchObject({
      pid: 1,
      signal: "SIGABRT",
      failedRequestCount: 1,
      replayedRequestCount: 1,
    });
    const later = begin(supervisor, [6]);
    await later.until(1);
    await stepUntil(cores[1], later.ended);
    expect(texts(later.replies)).toEqual(["accepted", "6", "finished"]);
  });

  test("is in the time to the first token of whoever waited it out", async () => {
    let nowMs = 1000;
    const { supervisor, processes, cores, heard, next } = setUp({ clock: { now: () => nowMs } });
    await supervisor.start();
    const waiting = begin(supervisor, [4, 5]);
    await waiting.until(1);
    const restarted = next("backend:engine-restarted");
    processes[0]?.crash();
    await restarted;
    nowMs = 3500;
    await stepUntil(cores[1], waiting.ended);
    const told = heard.flatMap((event) => (event[0] === "backend:first-token" ? [event[1]] : []));
    expect(told).toEqual([
      { model: "fake", engine: "0", requestId: expect.stringMatching(/^r\d+$/), timeToFirstTokenMs: 2500 },
    ]);
  });

  test("does not replay a request a second time", async () => {
    const { supervisor, processes, next } = setUp();
    await supervisor.start();
    const poison = begin(supervisor, [1]);
    await poison.until(1);
    const restarted = next("backend:engine-restarted");
    processes[0]?.crash();
    await restarted;
    processes[1]?.crash();
    await expect(poison.ended).rejects.toMatchObject({ code: "ENGINE_CRASHED" });
  });

  test("is survived by new work, which waits for the next process", async () => {
    const { supervisor, processes, cores, next } = setUp();
    await supervisor.start();
    const crashed = next("backend:engine-crashed");
    processes[0]?.crash();
    await crashed;
    const restarted = next("backend:engine-restarted");
    const waiting = begin(supervisor, [1, 2]);
    const tokens = tokensOf(supervisor, { kind: "tokens", tokenIds: [7] });
    expect(supervisor.state).toBe("restarting");
    await restarted;
    await waiting.until(1);
    await stepUntil(cores[1], waiting.ended);
    expect(texts(waiting.replies)).toEqual(["accepted", "1", "2", "finished"]);
    expect(await tokens).toEqual([7]);
  });

  test("lets those who wait for the next process leave", async () => {
    const { supervisor, processes, cores, next } = setUp();
    await supervisor.start();
    const crashed = next("backend:engine-crashed");
    processes[0]?.crash();
    await crashed;
    const restarted = next("backend:engine-restarted");
    const leaving = begin(supervisor, [1]);
    const staying = begin(supervisor, [2]);
    const reason = new Error("the client left");
    leaving.controller.abort(reason);
    await expect(leaving.ended).rejects.toBe(reason);
    await restarted;
    await staying.until(1);
    expect(cores[1]?.running.size).toBe(1);
    await stepUntil(cores[1], staying.ended);
  });

  test("lets no more wait than the queue takes, by requests and by tokens", async () => {
    const { supervisor, processes, next } = setUp({ firstRestartDelayMs: 60_000 });
    await supervisor.start();
    const crashed = next("backend:engine-crashed");
    processes[0]?.crash();
    await crashed;
    const large = begin(
      supervisor,
      Array.from({ length: 998 }, () => 1),
    );
    await expect(begin(supervisor, [1, 2, 3]).ended).rejects.toMatchObject({
      name: "EngineRequestError",
      code: "QUEUE_FULL",
      data: { resource: "tokens", limit: 1000, requested: 1001, retryAfterMs: expect.any(Number) },
    });
    const text = { kind: "text", text: "x".repeat(9) } as const;
    const signal = new AbortController().signal;
    const texted = generateOn(supervisor, { id: "text", prompt: text }, signal)[Symbol.asyncIterator]();
    await expect(texted.next()).rejects.toMatchObject({ data: { resource: "tokens", requested: 1001 } });
    // The four that would run at once, and the eight that may wait.
    const others = Array.from({ length: 11 }, () => begin(supervisor, []));
    await expect(begin(supervisor, []).ended).rejects.toMatchObject({
      code: "QUEUE_FULL",
      data: { resource: "requests", limit: 12, requested: 13 },
    });
    await supervisor.drain({ timeoutMs: 1000 });
    for (const { ended } of [large, ...others]) {
      await expect(ended).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE" });
    }
  });

  test("is one where the next process cannot be made at all", async () => {
    let startCount = 0;
    const fakes = createFakeProcesses(createFakeCores().createCore);
    const { supervisor, next, heard } = setUp({
      startProcess: (listeners) => {
        startCount += 1;
        if (startCount === 2) throw new Error("spawn ENOMEM");
        return fakes.startProcess(listeners);
      },
    });
    await supervisor.start();
    const restarted = next("backend:engine-restarted");
    fakes.processes[0]?.crash();
    await restarted;
    expect(heard.filter(([name]) => name === "backend:engine-crashed")).toHaveLength(2);
    expect(supervisor).toMatchObject({ state: "ready", pid: 2 });
  });

  test("waits for the next process while the machine has no room for it, and spends no restart", async () => {
    let startCount = 0;
    const fakes = createFakeProcesses(createFakeCores().createCore);
    const { supervisor, next, heard } = setUp({
      maxRestarts: 1,
      startProcess: (listeners) => {
        startCount += 1;
        if (startCount > 1 && startCount < 6) {
          throw Object.assign(new Error("spawn EAGAIN"), { code: "EAGAIN" });
        }
        return fakes.startProcess(listeners);
      },
    });
    await supervisor.start();
    const waiting = begin(supervisor, [1]);
    await waiting.until(1);
    const restarted = next("backend:engine-restarted");
    fakes.processes[0]?.crash();
    await next("backend:engine-start-postponed");
    expect(supervisor.reasons()[0]).toMatch(/EAGAIN.*ulimit -u/);
    await restarted;
    const postponed = heard.flatMap(([name, payload]) =>
      name === "backend:engine-start-postponed" ? [payload] : [],
    );
    expect(postponed).toMatchObject(
      [1, 2, 3, 4].map((failedStartCount) => ({
        code: "EAGAIN",
        failedStartCount,
        retryInMs: 2 ** (failedStartCount - 1),
      })),
    );
    expect(heard.filter(([name]) => name === "backend:engine-crashed")).toHaveLength(1);
    expect(supervisor).toMatchObject({ state: "ready", pid: 2 });
    waiting.controller.abort(new Error("enough"));
    await expect(waiting.ended).rejects.toThrow("enough");
  });

  test("counts failed starts from one again after each start that succeeds", async () => {
    let startCount = 0;
    const fakes = createFakeProcesses(createFakeCores().createCore);
    const { supervisor, next, heard } = setUp({
      startProcess: (listeners) => {
        startCount += 1;
        if (startCount % 2 === 0) throw Object.assign(new Error("spawn EAGAIN"), { code: "EAGAIN" });
        return fakes.startProcess(listeners);
      },
    });
    await supervisor.start();
    for (const index of [0, 1]) {
      const restarted = next("backend:engine-restarted");
      fakes.processes[index]?.crash();
      await restarted;
    }
    const counts = heard.flatMap((event) =>
      event[0] === "backend:engine-start-postponed" ? [event[1].failedStartCount] : [],
    );
    expect(counts).toEqual([1, 1]);
  });

  test("follows a message that cannot be read", async () => {
    const { supervisor, processes, next } = setUp();
    await supervisor.start();
    const running = begin(supervisor, [1, 2]);
    await running.until(1);
    const restarted = next("backend:engine-restarted");
    processes[0]?.say({ type: "batch", replies: 7 });
    await restarted;
    await running.until(1);
    expect(supervisor.reasons()).toEqual([]);
  });

  test("gives up after so many in a row", async () => {
    const { supervisor, processes, next, heard } = setUp({ maxRestarts: 2 });
    await supervisor.start();
    for (const index of [0, 1]) {
      const restarted = next("backend:engine-restarted");
      processes[index]?.crash();
      await restarted;
    }
    const waiting = begin(supervisor, [1]);
    await waiting.until(1);
    processes[2]?.crash();
    await expect(waiting.ended).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE" });
    expect(supervisor.state).toBe("failed");
    expect(supervisor.reasons()[0]).toContain("crashed 3 times in a row");
    expect(processes).toHaveLength(3);
    expect(heard.at(-1)).toEqual([
      "backend:engine-state-changed",
      { model: "fake", engine: "0", from: "restarting", to: "failed", reasons: supervisor.reasons() },
    ]);
  });

  test("is not one in a row when the engine has served", async () => {
    const { supervisor, cores, processes, next } = setUp({ maxRestarts: 1 });
    await supervisor.start();
    for (const index of [0, 1, 2, 3]) {
      const answered = begin(supervisor, [1]);
      await answered.until(1);
      await stepUntil(cores[index], answered.ended);
      const restarted = next("backend:engine-restarted");
      processes[index]?.crash();
      await restarted;
    }
    expect(supervisor.state).toBe("ready");
  });

  test("that a request causes spends none of the restarts, and fails that request", async () => {
    const { supervisor, processes, next, heard } = setUp({ maxRestarts: 1 });
    await supervisor.start();
    for (const index of [0, 2, 4]) {
      const poison = begin(supervisor, [1]);
      await poison.until(1);
      for (const each of [index, index + 1]) {
        const restarted = next("backend:engine-restarted");
        processes[each]?.crash();
        await restarted;
      }
      await expect(poison.ended).rejects.toMatchObject({ code: "ENGINE_CRASHED" });
    }
    expect(supervisor.state).toBe("ready");
    expect(heard.filter(([name]) => name === "backend:engine-crashed")).toHaveLength(6);
  });

  test("begins a whole answer anew", async () => {
    const { supervisor, cores, processes, next } = setUp();
    await supervisor.start();
    const whole = begin(supervisor, [1, 2], { canRestart: true });
    await whole.until(1);
    cores[0]?.step();
    await whole.until(2);
    const restarted = next("backend:engine-restarted");
    processes[0]?.crash();
    await restarted;
    await stepUntil(cores[1], whole.ended);
    expect(texts(whole.replies)).toEqual(["accepted", "1", "restarted", "1", "2", "finished"]);
  });

  test("during the self-test comes before calls are sent, and the self-test is no request", async () => {
    const proofs: string[] = [];
    const fakes = createFakeProcesses(createFakeCores().createCore, async (core) => {
      (core as FakeCore).step();
      proofs.push(core.description);
      if (proofs.length < 3) fakes.processes.at(-1)?.crash();
      await new Promise((resolve) => setImmediate(resolve));
    });
    const { supervisor, next, heard } = setUp({ startProcess: fakes.startProcess });
    await supervisor.start();
    expect(proofs).toEqual([]);
    const restarted = next("backend:engine-restarted");
    const waiting = begin(supervisor, [1]);
    await waiting.until(1);
    fakes.processes[0]?.crash();
    await restarted;
    expect(proofs).toHaveLength(3);
    // By then the events of the self-test would have come.
    await tokensOf(supervisor, { kind: "tokens", tokenIds: [] });
    expect(heard.map(([name]) => name)).not.toContain("inference:step-finished");
    expect(supervisor).toMatchObject({ state: "ready", pid: 4 });
    waiting.controller.abort(new Error("enough"));
    await expect(waiting.ended).rejects.toThrow("enough");
  });

  test("counts anew after a long time without one", async () => {
    const { supervisor, processes, next } = setUp({ maxRestarts: 1, stableAfterMs: 0 });
    await supervisor.start();
    for (const index of [0, 1, 2]) {
      const restarted = next("backend:engine-restarted");
      processes[index]?.crash();
      await restarted;
    }
    expect(supervisor.state).toBe("ready");
  });
});

describe("an engine that hangs", () => {
  test("is killed when it has work and makes no step, and is restarted", async () => {
    const { supervisor, cores, processes, heard, next } = setUp({ hangAfterMs: 500, heartbeatIntervalMs: 5 });
    await supervisor.start();
    const streaming = begin(supervisor, [1, 2, 3]);
    await streaming.until(1);
    cores[0]?.step();
    await streaming.until(2);
    const waiting = begin(supervisor, [4]);
    await waiting.until(1);
    const restarted = next("backend:engine-restarted");
    await expect(streaming.ended).rejects.toMatchObject({
      code: "ENGINE_CRASHED",
      message: expect.stringMatching(
        /made no step for 5\d\d ms with 2 sequences running and 0 requests waiting and was killed; see engine.hangAfterMs/,
      ),
      cause: expect.objectContaining({ code: "ENGINE_HUNG" }),
    });
    await restarted;
    await stepUntil(cores[1], waiting.ended);
    expect(texts(waiting.replies)).toEqual(["accepted", "4", "finished"]);
    const events = heard.filter(
      ([name]) => name === "backend:engine-hung" || name === "backend:engine-crashed",
    );
    expect(events).toMatchObject([
      ["backend:engine-hung", { pid: 1, runningSequenceCount: 2 }],
      [
        "backend:engine-crashed",
        { pid: 1, signal: "SIGKILL", failedRequestCount: 1, replayedRequestCount: 1 },
      ],
    ]);
    expect(processes).toHaveLength(2);
  });

  test("is killed when it sends no message, with or without work", async () => {
    const { supervisor, processes, next } = setUp({ hangAfterMs: 100, heartbeatIntervalMs: 5 });
    await supervisor.start();
    const hung = next("backend:engine-hung");
    const restarted = next("backend:engine-restarted");
    processes[0]?.freeze();
    expect(await hung).toMatchObject({ pid: 1, silentMs: expect.any(Number), runningSequenceCount: 0 });
    await restarted;
    expect(supervisor).toMatchObject({ state: "ready", pid: 2 });
  });

  test("is reported once, however long its process takes to end", async () => {
    const fakes = createFakeProcesses(createFakeCores().createCore);
    const { supervisor, heard, next } = setUp({
      hangAfterMs: 50,
      heartbeatIntervalMs: 5,
      startProcess: (listeners) => {
        const channel = fakes.startProcess(listeners);
        return { ...channel, kill: () => setTimeout(() => channel.kill(), 50) };
      },
    });
    await supervisor.start();
    const crashed = next("backend:engine-crashed");
    fakes.processes[0]?.freeze();
    await crashed;
    expect(heard.filter(([name]) => name === "backend:engine-hung")).toHaveLength(1);
  });

  test("is none that has nothing to do, or that makes steps", async () => {
    const { supervisor, cores, heard } = setUp({ hangAfterMs: 100, heartbeatIntervalMs: 5 });
    await supervisor.start();
    const messages = async (count: number): Promise<void> => {
      for (let seen = 0, last = supervisor.silentMs() ?? 0; seen < count;) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        const silentMs = supervisor.silentMs() ?? 0;
        if (silentMs < last) seen += 1;
        last = silentMs;
      }
    };
    await messages(40);
    const { ended, until } = begin(
      supervisor,
      Array.from({ length: 40 }, (_, index) => index),
    );
    await until(1);
    for (let step = 0; step < 40; step += 1) {
      cores[0]?.step();
      await messages(1);
    }
    await ended;
    expect(heard.map(([name]) => name)).not.toContain("backend:engine-hung");
    expect(supervisor.pid).toBe(1);
  });

  test("is none that answers: its own queue says when it is full", async () => {
    const { supervisor, cores } = setUp();
    await supervisor.start();
    const calls = Array.from({ length: 20 }, () => begin(supervisor, [1]));
    for (const { until } of calls) await until(1);
    await stepUntil(cores[0], Promise.all(calls.map(({ ended }) => ended)));
    expect(calls.map(({ replies }) => replies.at(-1)?.type)).toEqual(calls.map(() => "finished"));
  });

  test("does not fill the daemon's memory with calls that it never answers", async () => {
    const { supervisor, processes } = setUp({ heartbeatIntervalMs: 5 });
    await supervisor.start();
    processes[0]?.freeze();
    while ((supervisor.silentMs() ?? 0) < 20) await new Promise((resolve) => setTimeout(resolve, 1));
    const calls = Array.from({ length: 12 }, () => begin(supervisor, [1]));
    await expect(begin(supervisor, [1]).ended).rejects.toMatchObject({ code: "QUEUE_FULL" });
    for (const { controller } of calls) controller.abort();
    await Promise.allSettled(calls.map(({ ended }) => ended));
  });
});

describe("a start that fails", () => {
  test("rejects with what the engine said", async () => {
    const { supervisor } = setUp({
      createCore: async () => {
        throw Object.assign(new Error("no such directory: /models/fake"), { code: "MODEL_NOT_FOUND" });
      },
    });
    await expect(supervisor.start()).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: "no such directory: /models/fake",
    });
    expect(supervisor.state).toBe("failed");
  });

  test("is tried again after a signal, and refuses work until then", async () => {
    const { supervisor, processes, heard, next } = setUp();
    const start = supervisor.start();
    const crashed = next("backend:engine-crashed");
    processes[0]?.crash();
    await crashed;
    expect(supervisor).toMatchObject({ state: "starting", model: undefined });
    expect(supervisor.reasons()[0]).toMatch(/crashed while it loaded.*crash 1 of at most 5/);
    await expect(begin(supervisor, [1]).ended).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE" });
    expect(await start).toMatchObject({ id: "fake" });
    expect(heard.map(([name]) => name)).toEqual([
      "backend:engine-crashed",
      "backend:model-loaded",
      "backend:engine-started",
      "backend:engine-state-changed",
    ]);
  });

  test("rejects after as many signals as it may restart, and one", async () => {
    const crash = { processes: [] as readonly FakeProcess[] };
    const { supervisor, processes } = setUp({
      maxRestarts: 2,
      createCore: () => {
        crash.processes.at(-1)?.crash();
        return new Promise(() => undefined);
      },
    });
    crash.processes = processes;
    await expect(supervisor.start()).rejects.toMatchObject({
      code: "ENGINE_START_FAILED",
      message: expect.stringMatching(/3 times in a row.*SIGABRT/),
    });
    expect(processes).toHaveLength(3);
    expect(supervisor.state).toBe("failed");
  });

  test("rejects when the machine has no room for a process again and again, and says for what", async () => {
    const { supervisor, heard } = setUp({
      startProcess: () => {
        throw Object.assign(new Error("spawn EMFILE"), { code: "EMFILE" });
      },
    });
    await expect(supervisor.start()).rejects.toMatchObject({
      code: "ENGINE_START_FAILED",
      message: expect.stringMatching(/\(EMFILE\).*ulimit -n/),
    });
    expect(supervisor.state).toBe("failed");
    expect(heard.filter(([name]) => name === "backend:engine-start-postponed")).toHaveLength(5);
  });

  test("rejects at once when the process ends by itself", async () => {
    const { supervisor, processes } = setUp({
      startProcess: (listeners) => {
        setImmediate(() =>
          listeners.onExit({ exitCode: 7, signal: undefined, outputTail: ["no such module"] }),
        );
        return { pid: 1, send: () => true, kill: () => undefined };
      },
    });
    await expect(supervisor.start()).rejects.toMatchObject({
      code: "ENGINE_START_FAILED",
      message: expect.stringMatching(/with code 7[^]*no such module/),
    });
    expect(processes).toHaveLength(0);
  });

  test("does not happen after the end", async () => {
    const { supervisor, processes } = setUp();
    await supervisor.dispose();
    await expect(supervisor.start()).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE" });
    expect(processes).toHaveLength(0);
  });

  test("rejects when it takes too long, and kills the process", async () => {
    const { supervisor } = setUp({ createCore: () => new Promise(() => undefined), startTimeoutMs: 20 });
    await expect(supervisor.start()).rejects.toMatchObject({ code: "ENGINE_START_TIMEOUT" });
    expect(supervisor.pid).toBeUndefined();
  });

  test("takes as long as its weights are quantized", async () => {
    const startTimeoutMs = 200;
    const { cores, createCore: finish } = createFakeCores();
    const createCore: CreateEngineCore = async (engine, dependencies) => {
      const startedAtMs = performance.now();
      for (let doneBytes = 1; performance.now() - startedAtMs < 3 * startTimeoutMs; doneBytes += 1) {
        dependencies.onLoadProgress?.(doneBytes, 1e6);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return finish(engine, dependencies);
    };
    const { supervisor } = setUp({ createCore, startTimeoutMs, heartbeatIntervalMs: 5 });
    await supervisor.start();
    expect(cores).toHaveLength(1);
  });

  test("rejects when quantizing stands still", async () => {
    const createCore: CreateEngineCore = (_engine, { onLoadProgress }) => {
      const timer = setInterval(() => onLoadProgress?.(7, 100), 5);
      onTestFinished(() => clearInterval(timer));
      return new Promise(() => undefined);
    };
    const { supervisor } = setUp({ createCore, startTimeoutMs: 100, heartbeatIntervalMs: 5 });
    await expect(supervisor.start()).rejects.toMatchObject({
      code: "ENGINE_START_TIMEOUT",
      message: expect.stringContaining("within 100 ms of quantizing"),
    });
  });

  test("rejects when it is disposed of before", async () => {
    const { supervisor } = setUp({ createCore: () => new Promise(() => undefined) });
    const start = supervisor.start();
    const [started] = await Promise.allSettled([start, supervisor.dispose()]);
    expect(started).toMatchObject({ status: "rejected", reason: { code: "ENGINE_UNAVAILABLE" } });
  });
});

describe("a GPU", () => {
  /** A core that runs on a GPU, as `auto` does where the GPU was verified. */
  const onGpu = (core: EngineCore): EngineCore => ({
    ...core,
    model: { ...core.model, executor: "cuda", executorReason: "auto: a GPU" },
  });

  test("is verified before the model is loaded, in a time that does not count, and reasons say so", async () => {
    const { createCore: finish } = createFakeCores();
    const verdict = { identity, checkedAtMs: 0, kernelCount: 100, failure: undefined };
    const asked = createResolvers<GpuIdentity>();
    const answer = createResolvers<KernelVerdict>();
    const verdicts: unknown[] = [];
    const { supervisor } = setUp({
      startTimeoutMs: 200,
      createCore: async (engine, dependencies) => {
        verdicts.push(await dependencies.verifyGpu?.(identity));
        return finish(engine, dependencies);
      },
      verifyGpu: (of) => {
        asked.resolve(of);
        return answer.promise;
      },
    });
    const start = supervisor.start();
    expect(supervisor.reasons()).toEqual(["the engine is loading the model"]);
    expect(await asked.promise).toEqual(identity);
    expect(supervisor.reasons()).toEqual([
      "the kernels are checked on the GPU A GPU before the model is loaded",
    ]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    answer.resolve(verdict);
    await start;
    expect(verdicts).toEqual([verdict]);
    expect(supervisor.reasons()).toEqual([]);
  });

  test("that is lost ends its process, which is killed where it does not end by itself", async () => {
    const { supervisor, processes, next, heard } = setUp();
    await supervisor.start();
    const restarted = next("backend:engine-restarted");
    const [first] = processes;
    first?.say({ type: "failed", error: { code: "DEVICE_LOST", message: "the device was lost" } });
    await restarted;
    expect(heard.find(([name]) => name === "backend:engine-crashed")).toMatchObject([
      "backend:engine-crashed",
      { signal: "SIGKILL", reason: "the device was lost" },
    ]);
  });

  test("that is lost fails only what was streaming, with its own error, and replays the rest", async () => {
    const { supervisor, cores, heard, next } = setUp();
    await supervisor.start();
    const [streaming, collected] = [
      begin(supervisor, [1, 2, 3]),
      begin(supervisor, [4, 5], { canRestart: true }),
    ];
    for (const call of [streaming, collected]) await call.until(1);
    cores[0]?.step();
    for (const call of [streaming, collected]) await call.until(2);
    const queued = [begin(supervisor, [6]), begin(supervisor, [7])];
    for (const call of queued) await call.until(1);
    const restarted = next("backend:engine-restarted");
    cores[0]?.loseDevice();
    await expect(streaming.ended).rejects.toMatchObject({ name: "EngineRequestError", code: "DEVICE_LOST" });
    await restarted;
    const replayed = [collected, ...queued];
    await stepUntil(cores[1], Promise.all(replayed.map(({ ended }) => ended)));
    expect(replayed.map(({ replies }) => texts(replies))).toEqual([
      ["accepted", "4", "restarted", "4", "5", "finished"],
      ["accepted", "6", "finished"],
      ["accepted", "7", "finished"],
    ]);
    expect(heard.find(([name]) => name === "backend:engine-crashed")?.[1]).toMatchObject({
      exitCode: 1,
      reason: "the device was lost",
      failedRequestCount: 1,
      replayedRequestCount: 3,
    });
    // The crash counts those that failed, and a request that is replayed has not ended.
    expect(heard.filter(([name]) => name === "inference:request-finished")).toEqual([]);
  });

  test("that one request loses each time fails that request alone", async () => {
    const { supervisor, cores, heard, next } = setUp({ maxRestarts: 1 });
    await supervisor.start();
    const [guilty, other] = [begin(supervisor, [1]), begin(supervisor, [2])];
    for (const call of [guilty, other]) await call.until(1);
    let restarted = next("backend:engine-restarted");
    cores[0]?.loseDevice();
    await restarted;
    // Suspects run one at a time.
    while (cores[1]?.running.size !== 1) await new Promise((resolve) => setImmediate(resolve));
    restarted = next("backend:engine-restarted");
    cores[1].loseDevice();
    await expect(guilty.ended).rejects.toMatchObject({ code: "DEVICE_LOST" });
    await restarted;
    await stepUntil(cores[2], other.ended);
    expect(texts(other.replies)).toEqual(["accepted", "2", "finished"]);
    const counts = heard.flatMap(([name, payload]) => (name === "backend:engine-crashed" ? [payload] : []));
    expect(counts).toMatchObject([
      { failedRequestCount: 0, replayedRequestCount: 2 },
      { failedRequestCount: 1, replayedRequestCount: 1 },
    ]);
  });

  test("that is lost in the self-test of each process ends the engine, and what waits is told so", async () => {
    const { supervisor, cores, heard, next } = setUp({
      maxRestarts: 2,
      selfTest: async (core) => (core as FakeCore).loseDevice(),
    });
    await supervisor.start();
    const waiting = begin(supervisor, [1]);
    await waiting.until(1);
    const failed = next("backend:engine-crashed");
    cores[0]?.loseDevice();
    await failed;
    await expect(waiting.ended).rejects.toMatchObject({
      code: "ENGINE_UNAVAILABLE",
      message: "the engine crashed 3 times in a row: the device was lost",
    });
    expect(supervisor.state).toBe("failed");
    expect(cores).toHaveLength(3);
    expect(heard.filter(([name]) => name === "backend:engine-restarted")).toEqual([]);
  });

  test("that is lost while the daemon drains fails what runs with its own error", async () => {
    const { supervisor, cores } = setUp();
    await supervisor.start();
    const running = begin(supervisor, [1, 2], { canRestart: true });
    await running.until(1);
    const drained = supervisor.drain({ timeoutMs: 60_000 });
    cores[0]?.loseDevice();
    await expect(running.ended).rejects.toMatchObject({ code: "DEVICE_LOST" });
    await drained;
  });

  test("that is lost for good ends the engine after as many restarts, on no other device, and says so", async () => {
    const { createCore: finish, cores } = createFakeCores();
    const kept: unknown[] = [];
    const { supervisor, processes, events, next } = setUp({
      maxRestarts: 2,
      createCore: async (engine, dependencies) => {
        kept.push(dependencies.keptExecutor);
        if (kept.length === 1) return onGpu(await finish(engine, dependencies));
        const message = "the CUDA executor cannot be used: no device is visible to the driver";
        throw Object.assign(new Error(message), { code: "EXECUTOR_UNAVAILABLE" });
      },
    });
    await supervisor.start();
    const reasons: (readonly string[])[] = [];
    events.on("backend:engine-crashed", () => reasons.push(supervisor.reasons()));
    const changed = async (to: string): Promise<void> => {
      for (;;) {
        const change = (await next("backend:engine-state-changed")) as { readonly to: string };
        if (change.to === to) return;
      }
    };
    const failed = changed("failed");
    const [first] = processes;
    first?.say({ type: "failed", error: { code: "DEVICE_LOST", message: "the device was lost" } });
    first?.crash();
    await failed;
    const unavailable = "the CUDA executor cannot be used: no device is visible to the driver";
    expect(reasons.map(([reason]) => reason)).toEqual([
      "the engine crashed (the device was lost) and is started again (crash 1 of at most 2 in a row)",
      `the engine crashed (${unavailable} (EXECUTOR_UNAVAILABLE)) and is started again (crash 2 of at most 2 in a row)`,
      `the engine crashed (${unavailable} (EXECUTOR_UNAVAILABLE)) and is started again (crash 3 of at most 2 in a row)`,
    ]);
    expect(supervisor.reasons()).toEqual([
      `the engine crashed 3 times in a row: ${unavailable} (EXECUTOR_UNAVAILABLE)`,
    ]);
    const before = { name: "cuda", reason: "auto: a GPU" };
    expect(kept).toEqual([undefined, before, before]);
    expect(cores).toHaveLength(1);
  });
});

describe("draining", () => {
  test("finishes what runs and refuses the rest", async () => {
    const { supervisor, cores } = setUp();
    await supervisor.start();
    const running = begin(supervisor, [1, 2]);
    await running.until(1);
    const drained = supervisor.drain({ timeoutMs: 60_000 });
    expect(supervisor.state).toBe("draining");
    await expect(begin(supervisor, [9]).ended).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE" });
    await stepUntil(cores[0], running.ended);
    await drained;
    expect(texts(running.replies)).toEqual(["accepted", "1", "2", "finished"]);
  });

  test("finishes what runs after a crash was survived, too", async () => {
    const { supervisor, cores, processes, next } = setUp();
    await supervisor.start();
    const restarted = next("backend:engine-restarted");
    processes[0]?.crash();
    await restarted;
    const running = begin(supervisor, [1, 2]);
    await running.until(1);
    const drained = supervisor.drain({ timeoutMs: 60_000 });
    await stepUntil(cores[1], running.ended);
    await drained;
    expect(texts(running.replies)).toEqual(["accepted", "1", "2", "finished"]);
  });

  test("fails what a hung engine does not finish in time", async () => {
    const { supervisor } = setUp({ exitGraceMs: 10 });
    await supervisor.start();
    const hung = begin(supervisor, [1]);
    await hung.until(1);
    const drained = supervisor.drain({ timeoutMs: 10 });
    await expect(hung.ended).rejects.toMatchObject({
      code: "ENGINE_UNAVAILABLE",
      message: expect.stringContaining("10 ms"),
    });
    await drained;
  });

  test("ends at once while the engine is not ready, and an engine that is ready afterwards changes nothing", async () => {
    const loaded = createResolvers<void>();
    const { createCore } = createFakeCores();
    const { supervisor, next } = setUp({
      createCore: async (...args) => {
        await loaded.promise;
        return createCore(...args);
      },
    });
    supervisor.start().catch(() => undefined);
    await supervisor.drain({ timeoutMs: 60_000 });
    expect(supervisor.state).toBe("draining");
    const started = next("backend:engine-started");
    loaded.resolve();
    await started;
    await new Promise((resolve) => setImmediate(resolve));
    expect(supervisor.state).toBe("draining");
  });
});
