import { expect, onTestFinished, test } from "vitest";
import { readPrefixDigest } from "../../../src/text/prefix-digest.ts";
import { prefixesOfModel } from "../../../src/text/prompt-prefix.ts";
import { readBodyRoute } from "../../../src/http/body/body-route.ts";
import { createPrefixNotes } from "../../../src/registry/prefix-notes.ts";
import type { LocalModel } from "../../../src/models/model-service.ts";
import { model, modelId } from "../../http/fake-engine.ts";
import { startServer } from "../../http/start-server.ts";
import { startGateway } from "./support/start-gateway.ts";

const paged: LocalModel = {
  ...model,
  memoryPlan: { ...model.memoryPlan, kvPages: { pageTokens: 16, pageCount: 8, isShareable: true } },
};

async function startDaemon(served: LocalModel) {
  const status = {
    id: modelId,
    aliases: [],
    state: "ready",
    reasons: [],
    model: served,
    stats: undefined,
  } as const;
  const notes = createPrefixNotes({
    engines: [{ id: modelId, model: served }],
    service: { models: () => [status] },
  });
  const server = await startServer({ bodyLimitBytes: 2 ** 22 }, { prefixes: notes });
  onTestFinished(() => server.close());
  return { server, digest: () => readPrefixDigest(notes.digestOf(modelId) ?? "") };
}

const messages = [{ role: "user", content: "héllo ".repeat(100) }];

test("a daemon notes the beginnings that a gateway hashes of the same request", async () => {
  const { server, digest } = await startDaemon(paged);
  const { port } = await startGateway([
    {
      backend: { id: "a", url: new URL(server.url), headers: {}, source: "static" },
      isHealthy: true,
      models: [{ id: modelId, aliases: [], isReady: true, contextTokens: 256 }],
    },
  ]);
  const bodies = [
    [
      "/v1/chat/completions",
      `{"messages": ${JSON.stringify(messages)}, "model":"${modelId}", "max_tokens":1}`,
    ],
    ["/v1/responses", JSON.stringify({ input: messages[0]?.content, model: modelId, max_output_tokens: 1 })],
  ] as const;
  for (const [path, body] of bodies) {
    const hashed = prefixesOfModel(modelId, readBodyRoute(Buffer.from(body)).prefixes);
    expect(hashed.length).toBe(2);
    expect(hashed.some((hash) => digest()?.has(hash))).toBe(false);
    const headers = { "content-type": "application/json" };
    await fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", headers, body });
    expect(hashed.every((hash) => digest()?.has(hash))).toBe(true);
  }
});

test("what is too long to be searched beside other requests, or names no model, is not noted", async () => {
  const { server, digest } = await startDaemon(paged);
  const long = [{ role: "user", content: "x".repeat(2 ** 20) }];
  for (const body of [{ model: modelId, messages: long }, { messages }]) {
    await server.post("/v1/chat/completions", { ...body, max_tokens: 1 });
  }
  expect(digest()).toBeUndefined();
});

test("of a model that keeps no prefixes nothing is noted", async () => {
  const { server, digest } = await startDaemon(model);
  const response = await server.post("/v1/chat/completions", { model: modelId, messages, max_tokens: 1 });
  expect(response.status).toBeLessThan(500);
  expect(digest()).toBeUndefined();
});
