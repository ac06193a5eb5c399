import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createEventBus } from "../../src/events/event-bus.ts";
import type { EngineClient } from "../../src/models/engine/engine-client.ts";
import type { EngineCoreOptions } from "../../src/models/engine/engine-core.ts";
import { createInlineEngine } from "../../src/models/engine/inline-engine.ts";
import { createEngineSupervisor } from "../../src/models/local/engine-supervisor.ts";
import { createModelPool } from "../../src/models/model-pool.ts";
import type { ModelService } from "../../src/models/model-service.ts";
import { operations } from "../../src/operations/registry.ts";
import { engineCases, modelServiceCases, shout } from "../../src/testing.ts";
import { createCoreWithBuiltThreads } from "../support/create-core-with-built-threads.ts";
import { createFakeProcesses, type FakeProcess } from "../support/fake-process.ts";
import { createTinyModel, type TinyModel } from "../support/tiny-model.ts";

const registry = [...operations, shout];

let model: TinyModel;
beforeAll(async () => {
  model = await createTinyModel();
});
afterAll(async () => {
  for (const service of shared) await (await service).dispose();
  await model[Symbol.asyncDispose]();
});

const shared: Promise<ModelService>[] = [];

/** Creates a service when the first case asks for it; it lasts until all are done. */
function once<Service extends ModelService>(create: () => Promise<Service>): () => Promise<Service> {
  let service: Promise<Service> | undefined;
  return () => {
    if (service === undefined) shared.push((service = create()));
    return service;
  };
}

function engineOptions(modelName?: string): EngineCoreOptions {
  return {
    modelDirectory: model.directory,
    ...(modelName === undefined ? {} : { modelName }),
    maxSequences: 4,
    maxTokensPerStep: 64,
    maxQueuedRequests: 16,
    maxQueuedTokens: 4096,
    threads: 1,
    runtime: "auto",
  };
}

function createInline(modelName?: string): Promise<EngineClient> {
  const engine = engineOptions(modelName);
  return createInlineEngine({ engine, operations: registry, createCore: createCoreWithBuiltThreads });
}

const processesOf = new WeakMap<ModelService, readonly FakeProcess[]>();

/** The real supervisor and the real host, in one process, with messages that are copied as a channel would. */
async function createSupervised(): Promise<EngineClient> {
  const { processes, startProcess } = createFakeProcesses((options, dependencies) =>
    createCoreWithBuiltThreads(options, { ...dependencies, operations: registry }),
  );
  const events = createEventBus({
    onHandlerError: (error) => {
      throw error;
    },
  });
  const timing = { heartbeatIntervalMs: 20, firstRestartDelayMs: 1 };
  const supervisor = createEngineSupervisor({ engine: engineOptions(), events, startProcess, ...timing });
  processesOf.set(supervisor, processes);
  await supervisor.start();
  return supervisor;
}

/** The first model is the one under test; the other must not matter. */
async function createPool(): Promise<ModelService> {
  const [first, second] = [await createInline("first"), await createInline("second")];
  return createModelPool([
    { id: first.id, aliases: ["one"], service: first },
    { id: second.id, aliases: [], service: second },
  ]);
}

async function untilIdle(service: ModelService): Promise<void> {
  const isBusy = (): boolean =>
    service
      .models()
      .some(({ stats }) => (stats?.runningSequenceCount ?? 0) + (stats?.waitingRequestCount ?? 0) > 0);
  while (isBusy()) await new Promise((resolve) => setImmediate(resolve));
}

function crash(service: EngineClient): void {
  processesOf.get(service)?.at(-1)?.crash();
}

describe("an engine in this process", () => {
  const options = { create: createInline, share: once(() => createInline()), untilIdle };
  test.each([...modelServiceCases(options), ...engineCases(options)])("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

describe("an engine behind a channel", () => {
  const options = { create: createSupervised, share: once(createSupervised), untilIdle, crash };
  test.each([...modelServiceCases(options), ...engineCases(options)])("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

describe("a pool of models", () => {
  const options = { create: createPool, share: once(createPool), untilIdle };
  test.each(modelServiceCases(options))("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
