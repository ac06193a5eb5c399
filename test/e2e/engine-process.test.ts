import { afterAll, beforeAll, expect, test } from "vitest";
import { createTinyModel, type TinyModel } from "../../packages/backend/test/support/tiny-model.ts";
import type { EngineSupervisor } from "../../packages/backend/src/models/local/engine-supervisor.ts";
import type { ModelService } from "../../packages/backend/src/models/model-service.ts";
import { modelServiceCases } from "../../packages/backend/src/testing.ts";

const running: EngineSupervisor[] = [];
let model: TinyModel;
let shared: ModelService;

/** The package as it is built: a process runs JavaScript. */
async function createSupervised(): Promise<ModelService> {
  const built = new URL("../../packages/backend/dist/index.js", import.meta.url).href;
  const { createEngineSupervisor } = (await import(
    built
  )) as typeof import("../../packages/backend/src/index.ts");
  const limits = { maxSequences: 4, maxTokensPerStep: 64, maxQueuedRequests: 16, maxQueuedTokens: 4096 };
  const engine = { modelDirectory: model.directory, ...limits, threads: 1, runtime: "auto" } as const;
  const supervisor = createEngineSupervisor({
    engine,
    events: { emit: () => undefined },
    heartbeatIntervalMs: 20,
  });
  running.push(supervisor);
  await supervisor.start();
  return supervisor;
}

async function untilIdle(service: ModelService): Promise<void> {
  const isBusy = (): boolean =>
    service
      .models()
      .some(({ stats }) => (stats?.runningSequenceCount ?? 1) + (stats?.waitingRequestCount ?? 1) > 0);
  while (isBusy()) await new Promise((resolve) => setTimeout(resolve, 5));
}

beforeAll(async () => {
  model = await createTinyModel();
  shared = await createSupervised();
});
afterAll(async () => {
  await Promise.all(running.map((supervisor) => supervisor.dispose()));
  await model?.[Symbol.asyncDispose]();
});

const cases = modelServiceCases({ create: createSupervised, share: async () => shared, untilIdle });
test.each([...cases])("an engine in a process of its own: $name", async ({ run }) => {
  await expect(run()).resolves.toBeUndefined();
});
