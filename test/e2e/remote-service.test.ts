import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTinyModel, type TinyModel } from "../../packages/backend/test/support/tiny-model.ts";
import { firstEvent } from "../../packages/backend/src/operations/operation.ts";
import { createModelPool } from "../../packages/backend/src/models/model-pool.ts";
import type { ModelService } from "../../packages/backend/src/models/model-service.ts";
import { createRemoteService } from "../../packages/backend/src/models/remote/remote-service.ts";
import { generate } from "../../packages/backend/src/operations/generate.ts";
import { tokenize } from "../../packages/backend/src/operations/tokenize.ts";
import { modelServiceCases } from "../../packages/backend/src/testing.ts";
import { makeEndlessModel } from "./support/make-endless-model.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";

let model: TinyModel;
let daemon: TestDaemon;
let shared: ModelService;

beforeAll(async () => {
  model = await createTinyModel();
  daemon = await startDaemon({ args: ["--model", model.directory, "--max-sequences", "4"] });
  shared = await createService();
});
afterAll(async () => {
  await shared?.dispose();
  await daemon?.[Symbol.asyncDispose]();
  await model?.[Symbol.asyncDispose]();
});

async function createService(): Promise<ModelService> {
  const service = createRemoteService({ url: daemon.url });
  await service.refresh();
  return service;
}

async function untilIdle(): Promise<void> {
  await daemon.waitForMetric("vllm:num_requests_running", 0);
  await daemon.waitForMetric("vllm:num_requests_waiting", 0);
}

describe("a model of another daemon", () => {
  const cases = modelServiceCases({ create: createService, share: async () => shared, untilIdle });
  test.each([...cases])("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

describe("a pool of a model of another daemon", () => {
  const createPool = async (): Promise<ModelService> => {
    const service = await createService();
    const id = service.models()[0]?.id ?? "";
    return createModelPool([{ id, aliases: ["far"], service }]);
  };
  test.each([...modelServiceCases({ create: createPool, untilIdle })])("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

test("fails an answer that has begun when the engine of the other daemon crashes", async () => {
  const id = shared.models()[0]?.id ?? "";
  let isKilled = false;
  const call = async (): Promise<void> => {
    const input = {
      id: "crashed",
      prompt: { kind: "text", text: "a" },
      stopping: { maxTokens: 250, ignoreEos: true },
    } as const;
    for await (const event of shared.call(generate, input, { modelId: id })) {
      if (event.type === "delta" && !isKilled) isKilled = process.kill(daemon.enginePid(), "SIGKILL");
    }
  };
  await expect(call()).rejects.toMatchObject({ name: "BackendError", code: "ENGINE_CRASHED" });
});

test("stops the work of the other daemon on abort and on leaving the loop, and reports a full queue", async () => {
  await using endless = await makeEndlessModel(65_536);
  const limits = ["--max-sequences", "1", "--max-queued-requests", "1"];
  await using other = await startDaemon({ args: ["--model", endless.directory, ...limits] });
  await using service = createRemoteService({ url: other.url });
  await service.refresh();
  const modelId = service.models()[0]?.id ?? "";
  const input = {
    id: "endless",
    prompt: { kind: "tokens", tokenIds: [5, 6, 7] },
    stopping: { maxTokens: 60_000, ignoreEos: true },
  } as const;
  const controller = new AbortController();
  const reason = new Error("the client left");
  const aborted = async (): Promise<void> => {
    for await (const { type } of service.call(generate, input, { modelId, signal: controller.signal })) {
      if (type === "delta") controller.abort(reason);
    }
  };
  await expect(aborted()).rejects.toBe(reason);
  await other.waitForMetric("vllm:num_requests_running", 0);
  for await (const { type } of service.call(generate, input, { modelId })) {
    if (type !== "delta") continue;
    const waiting = service.call(generate, input, { modelId })[Symbol.asyncIterator]();
    const queued = waiting.next();
    await other.waitForMetric("vllm:num_requests_waiting", 1);
    await expect(firstEvent(service.call(generate, input, { modelId }))).rejects.toMatchObject({
      name: "EngineRequestError",
      code: "QUEUE_FULL",
      data: { retryAfterMs: expect.any(Number) },
    });
    await queued;
    await waiting.return?.();
    break;
  }
  await other.waitForMetric("vllm:num_requests_running", 0);
  await other.waitForMetric("vllm:num_requests_waiting", 0);
  // No answer came to its end of 60,000 tokens.
  expect(await other.metric("vllm:request_success_total", 'finished_reason="length"')).toBe(0);
  expect(await other.metric("vllm:request_success_total", 'finished_reason="abort"')).toBe(3);
  expect(await other.metric("vllm:generation_tokens_total")).toBeLessThan(60_000);
});

test("is unavailable when the other daemon is gone, and says so to calls", async () => {
  await using other = await startDaemon({ args: ["--model", model.directory] });
  await using service = createRemoteService({ url: other.url, refreshIntervalMs: 100 });
  await service.refresh();
  const [status] = service.models();
  expect(status).toMatchObject({ state: "ready", reasons: [], model: { contextTokens: 256 } });
  other.signal("SIGKILL");
  await other.exited;
  const prompt = { kind: "text", text: "a" } as const;
  const call = firstEvent(service.call(tokenize, prompt, { modelId: status?.id ?? "" }));
  await expect(call).rejects.toMatchObject({
    code: "ENGINE_UNAVAILABLE",
    message: expect.stringContaining("cannot be reached (ECONNREFUSED)"),
  });
  expect(service.state).toBe("unavailable");
  expect(service.models()).toMatchObject([
    { state: "unavailable", reasons: [expect.stringContaining(other.url)] },
  ]);
});
