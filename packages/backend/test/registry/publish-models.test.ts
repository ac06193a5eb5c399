import { createEmbeddedDiscovery, type ServiceInstance } from "@infernode/discovery";
import { expect, onTestFinished, test } from "vitest";
import type { ModelStats, ModelStatus } from "../../src/models/model-service.ts";
import { parseServiceMetadata } from "../../src/registry/service-metadata.ts";
import {
  publishModels,
  type ModelPublisher,
  type ModelPublisherOptions,
} from "../../src/registry/publish-models.ts";
import { fakeModel } from "../support/fake-core.ts";

const stats: ModelStats = {
  stepCount: 0,
  aheadStepCount: 0,
  hostHeldStepCount: 0,
  memoryHeldStepCount: 0,
  proposalHeldStepCount: 0,
  proposalCount: 0,
  proposedTokenCount: 0,
  confirmedTokenCount: 0,
  runningSequenceCount: 2,
  waitingRequestCount: 1,
  waitingTokenCount: 0,
  kvCacheUsage: 0.25,
  promptTokenCount: 0,
  generatedTokenCount: 0,
  preemptionCount: 0,
  prefixCacheQueriedTokenCount: 0,
  prefixCacheHitTokenCount: 0,
  preparedPromptCount: 0,
  lastStepMs: 0,
  lastStepAtMs: undefined,
};

function ready(id: string, change: Partial<ModelStatus> = {}): ModelStatus {
  return { id, aliases: [], state: "ready", reasons: [], model: { ...fakeModel, id }, stats, ...change };
}

async function setUp(first: readonly ModelStatus[], more: Pick<ModelPublisherOptions, "prefixesOf"> = {}) {
  let statuses = first;
  const stalled = new Map<string, string>();
  const discovery = createEmbeddedDiscovery();
  const publisher: ModelPublisher = publishModels({
    discovery,
    service: { models: () => statuses },
    engines: first.map(({ id }) => ({ id, state: "ready", stallReason: () => stalled.get(id) })),
    place: { serviceName: "infernode", hostName: "node 1", address: "10.0.0.5", port: 8000, tags: ["eu"] },
    version: "0.1.0",
    operations: ["generate"],
    updateIntervalMs: 2 ** 31 - 1,
    stallAfterMs: 1000,
    onError: (error) => {
      throw error;
    },
    ...more,
  });
  onTestFinished(() => publisher.withdraw());
  // The registry has answered.
  await new Promise((resolve) => setImmediate(resolve));
  const list = (): Promise<readonly ServiceInstance[]> => discovery.list({ name: "infernode" });
  const set = (next: readonly ModelStatus[]): void => {
    statuses = next;
    publisher.publish();
  };
  return { discovery, publisher, list, set, stalled };
}

test("registers each model, with its names, its state and its load", async () => {
  const adapter = ready("sql", { adapter: { directory: "/sql", baseId: "org/large" } });
  const { list } = await setUp([
    ready("org/large", { aliases: ["big"] }),
    adapter,
    ready("small", { state: "starting", reasons: ["loading the model"], model: undefined, stats: undefined }),
  ]);
  const [large, small, ...others] = await list();
  expect(others).toEqual([]);
  expect(large).toMatchObject({
    id: "infernode-node-1-8000-0",
    address: "10.0.0.5",
    port: 8000,
    tags: ["openai", "model-org-large", "eu"],
    state: "passing",
  });
  expect(parseServiceMetadata(large?.metadata ?? {})).toMatchObject({
    version: "0.1.0",
    model: "org/large",
    aliases: ["big", "sql"],
    state: "ready",
    running: 2,
    queued: 1,
    kvFree: 0.75,
    contextTokens: 64,
    operations: ["generate"],
    executor: "fake",
  });
  expect(small).toMatchObject({ id: "infernode-node-1-8000-1", state: "critical" });
  expect(parseServiceMetadata(small?.metadata ?? {})).toMatchObject({
    state: "starting",
    running: undefined,
  });
});

test("a model without progress is critical, and says why; others are not", async () => {
  const { list, set, publisher, stalled } = await setUp([ready("a"), ready("b")]);
  stalled.set("a", "no step for 1000 ms");
  expect(publisher.reasonOf("infernode-node-1-8000-0")).toBe("no step for 1000 ms");
  expect(publisher.reasonOf("infernode-node-1-8000-1")).toBeUndefined();
  set([ready("a"), ready("b")]);
  expect((await list()).map(({ state }) => state)).toEqual(["critical", "passing"]);
  stalled.clear();
  set([ready("a"), ready("b")]);
  expect((await list()).map(({ state }) => state)).toEqual(["passing", "passing"]);
});

test("a model's digest of cached prefixes is told, and gone when there is none any more", async () => {
  const digests = new Map([["a", "A".repeat(512)]]);
  const { list, set } = await setUp([ready("a"), ready("b")], { prefixesOf: (id) => digests.get(id) });
  const told = async (): Promise<unknown[]> =>
    (await list()).map(({ metadata }) => parseServiceMetadata(metadata)?.prefixes);
  expect(await told()).toEqual(["A".repeat(512), undefined]);
  digests.clear();
  set([ready("a"), ready("b")]);
  expect(await told()).toEqual([undefined, undefined]);
});

test("names that are gone are gone from the registry", async () => {
  const { list, set } = await setUp([
    ready("a", { aliases: ["x".repeat(200), "y".repeat(200), "z".repeat(200)] }),
  ]);
  set([ready("a")]);
  const [only] = await list();
  expect(parseServiceMetadata(only?.metadata ?? {})?.aliases).toEqual([]);
});

test("tells the registry nothing while nothing changes", async () => {
  const { discovery, set } = await setUp([ready("a")]);
  const watching = discovery.watch("infernode")[Symbol.asyncIterator]();
  await watching.next();
  set([ready("a")]);
  set([ready("a", { stats: { ...stats, stepCount: 7, runningSequenceCount: 3 } })]);
  const { value } = await watching.next();
  expect(value[0].metadata).toMatchObject({ running: "3" });
  await watching.return?.();
});

test("deregisters for good, also what the registry has not answered to yet", async () => {
  const { publisher, list, set } = await setUp([ready("a"), ready("b")]);
  await publisher.withdraw();
  set([ready("a", { state: "draining" }), ready("b")]);
  expect(await list()).toEqual([]);
  expect(publisher.registrations()).toEqual([]);

  const slow = createEmbeddedDiscovery();
  let answer = (): void => undefined;
  const asked = new Promise<void>((resolve) => (answer = resolve));
  const late = publishModels({
    discovery: {
      register: async (...args) => {
        await asked;
        return slow.register(...args);
      },
    },
    service: { models: () => [ready("a")] },
    engines: [],
    place: { serviceName: "infernode", hostName: "n", address: "10.0.0.5", port: 1, tags: [] },
    version: "0.1.0",
    operations: [],
    updateIntervalMs: 1000,
    stallAfterMs: 1000,
    onError: () => undefined,
  });
  const withdrawn = late.withdraw();
  answer();
  await withdrawn;
  expect(await slow.list()).toEqual([]);
});
