import { expect, test } from "vitest";
import type { KnownBackend } from "../../../src/gateway/backends/backend-table.ts";
import type { RouteRequest } from "../../../src/gateway/router.ts";
import { createRoundRobinRouter } from "../../../src/gateway/routing/round-robin-router.ts";

function known(id: string, models: readonly string[], isHealthy = true): KnownBackend {
  return {
    backend: { id, url: new URL(`http://${id}.example`), headers: {}, source: "static" },
    isHealthy,
    models: models.map((name) => ({
      id: name,
      aliases: [`${name}-alias`],
      isReady: true,
      contextTokens: 100,
    })),
  };
}

const request: RouteRequest = {
  model: "tiny",
  path: "/v1/chat/completions",
  headers: {},
  promptCharacters: 0,
  prefixes: [],
  conversation: undefined,
  owner: undefined,
  keyName: undefined,
};
const { signal } = new AbortController();

async function idsOf(
  backends: readonly KnownBackend[],
  asked: Partial<RouteRequest> = {},
  tried: readonly string[] = [],
): Promise<readonly string[]> {
  const router = createRoundRobinRouter({ list: () => backends });
  const ids: string[] = [];
  for (let count = 0; count < 4; count += 1) {
    const lease = await router.acquire({ ...request, ...asked }, new Set(tried), signal);
    ids.push(lease.backend.id);
    lease.end("completed");
  }
  return ids;
}

test("takes the healthy backends of a model one after the other", async () => {
  const backends = [known("a", ["tiny"]), known("b", ["tiny"], false), known("c", ["tiny"]), known("d", [])];
  expect(await idsOf(backends)).toEqual(["a", "c", "a", "c"]);
  expect(await idsOf(backends, { model: "tiny-alias" }, ["a"])).toEqual(["c", "c", "c", "c"]);
});

test("takes no other backend than the owner", async () => {
  const backends = [known("a", ["tiny"]), known("b", ["tiny"])];
  expect(await idsOf(backends, { owner: "b", model: undefined })).toEqual(["b", "b", "b", "b"]);
});

test("a request without a model gets the only one, and is refused where there are several", async () => {
  const router = createRoundRobinRouter({ list: () => [known("a", ["tiny"])] });
  const lease = await router.acquire({ ...request, model: undefined }, new Set(), signal);
  expect(lease.upstreamModel).toBe("tiny");
  await expect(idsOf([known("a", ["tiny", "large"])], { model: undefined })).rejects.toMatchObject({
    code: "missing_required_parameter",
    param: "model",
  });
});

test("says whether a model is unknown, or has no backend now", async () => {
  await expect(idsOf([known("a", ["tiny"])], { model: "huge" })).rejects.toMatchObject({
    code: "model_not_found",
  });
  await expect(idsOf([known("a", ["tiny"], false)])).rejects.toMatchObject({ code: "backend_unavailable" });
  await expect(idsOf([known("a", ["tiny"])], {}, ["a"])).rejects.toMatchObject({
    code: "backend_unavailable",
    retryAfterMs: 2000,
  });
});

test("lists each model once, with its backends", () => {
  const router = createRoundRobinRouter({
    list: () => [known("a", ["tiny"], false), known("b", ["tiny", "large"])],
  });
  expect(router.models()).toEqual([
    { id: "tiny", aliases: ["tiny-alias"], isReady: true, contextTokens: 100, backends: ["a", "b"] },
    { id: "large", aliases: ["large-alias"], isReady: true, contextTokens: 100, backends: ["b"] },
  ]);
  expect(router.backends().map(({ id }) => id)).toEqual(["b"]);
});
