import { expect, onTestFinished, test } from "vitest";
import type { KnownBackend } from "../../../src/gateway/backends/backend-table.ts";
import { createStaticBackends, type StaticBackend } from "../../../src/gateway/backends/static-backends.ts";
import { sendJson, startScriptedServer } from "../../models/remote/scripted-server.ts";
import { untilListed } from "./support.ts";

function isHealthy(list: readonly KnownBackend[]): boolean {
  return list.every((each) => each.isHealthy);
}

function create(parts: Partial<StaticBackend> & { readonly url: string }) {
  const backend = { id: "a", apiKey: undefined, models: undefined, ...parts };
  const table = createStaticBackends([backend], { intervalMs: 100 });
  onTestFinished(() => table.dispose());
  return table;
}

test("a server is healthy while it answers with its models", async () => {
  let isBroken = true;
  const server = await startScriptedServer((_, response) => {
    if (isBroken) sendJson(response, 500, {});
  });
  const table = create({ url: server.url });
  expect(table.list()).toMatchObject([{ isHealthy: false, models: [] }]);
  isBroken = false;
  const [known] = await untilListed(table, isHealthy);
  expect(known?.models).toEqual([{ id: "m", aliases: [], isReady: true, contextTokens: 64 }]);
  await server.close();
  const [gone] = await untilListed(table, (list) => !isHealthy(list));
  expect(gone?.models).toMatchObject([{ id: "m", isReady: false }]);
});

test("sends its key, and says it to nobody but the server", async () => {
  const server = await startScriptedServer(() => undefined);
  const table = create({ url: `${server.url}/v1`, apiKey: "secret-key" });
  const [known] = await untilListed(table, isHealthy);
  expect(known?.backend.headers).toEqual({ authorization: "Bearer secret-key" });
  expect(server.requests[0]).toMatchObject({
    path: "/v1/models",
    headers: { authorization: "Bearer secret-key" },
  });
});

test("uses only the models that are named", async () => {
  const server = await startScriptedServer(() => undefined);
  const table = create({ url: server.url, models: ["other"] });
  const [known] = await untilListed(table, isHealthy);
  expect(known?.models).toMatchObject([{ id: "other", isReady: false }]);
});

test("a URL that is none is refused", () => {
  expect(() => create({ url: "10.0.0.5:8000" })).toThrow("expected an http or https URL");
});
