import { describe, expect, it } from "vitest";
import { createEngineFixture } from "../support/engine-fixture.ts";

describe("resolveEngineOptions", () => {
  it.each<[string, object]>([
    ["options", { modle: "x" }],
    ["executor", { executor: undefined }],
    ["memory", { memory: null }],
    ["model", { model: "" }],
    ["engineId", { engineId: "" }],
    ["engineId", { engineId: 0 }],
    ["eosTokenIds", { eosTokenIds: [257] }],
    ["limits", { limits: { maxTokens: 5 } }],
    ["limits.maxTokensPerStep", { limits: { maxTokensPerStep: 0 } }],
    ["limits.maxChunkTokens", { limits: { maxTokensPerStep: 8, maxChunkTokens: 9 } }],
    ["limits.maxRunningSequences", { limits: { maxRunningSequences: 9 } }],
    ["limits.maxRunningSequences", { limits: { maxTokensPerStep: 2, maxRunningSequences: 3 } }],
    ["limits.maxQueuedRequests", { limits: { maxQueuedRequests: 1.5 } }],
    ["discovery", { service: { id: "a", name: "b", address: "c", port: 1, tags: [], metadata: {} } }],
  ])("refuses wrong %s", (name, options) => {
    expect(() => createEngineFixture({}, options)).toThrow(
      expect.objectContaining({
        code: "INVALID_ENGINE_OPTIONS",
        message: expect.stringMatching(new RegExp(`^\`${name}\`: expected .*, got `, "u")),
      }),
    );
  });

  it("refuses an executor that does not have a row of logits for each sequence", () => {
    expect(() => createEngineFixture({ maxSequences: 4, maxLogitRows: 3 })).toThrow(
      "`executor.maxLogitRows`: expected at least 4, one per sequence, got 3",
    );
  });
});
