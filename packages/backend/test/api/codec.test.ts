import { pino } from "pino";
import { expect, test } from "vitest";
import { findModel } from "../../src/api/shared/api-context.ts";
import { openAiCodecs } from "../../src/api/openai/openai-format.ts";
import type { AnswerCodec } from "../../src/api/shared/codec.ts";
import { createHttpServer } from "../../src/http/create-http-server.ts";
import { createEngineSupervisor } from "../../src/models/local/engine-supervisor.ts";
import { operations } from "../../src/operations/registry.ts";
import type { Operation } from "../../src/operations/operation.ts";
import { createCoreWithBuiltThreads } from "../support/create-core-with-built-threads.ts";
import { coreOptions } from "../support/fake-core.ts";
import { createFakeProcesses } from "../support/fake-process.ts";
import { createTinyModel } from "../support/tiny-model.ts";

interface WordEvent {
  readonly type: "word";
  readonly tokenCount: number;
}

// The file of an operation: it counts the tokens of each word.
const countWords: Operation<readonly string[], WordEvent> = {
  name: "count-words",
  async *run({ prompts }, words, signal) {
    for (const text of words) {
      const tokenIds = await prompts.encode({ kind: "text", text }, { purpose: "inspection", signal });
      yield { type: "word", tokenCount: tokenIds.length };
    }
  },
};

// The file of a codec: a text in, counts out.
const wordsCodec: AnswerCodec = {
  path: "/words",
  answer: async (body, { service }, signal) => {
    const { model, text } = body as { readonly model: string; readonly text: string };
    const { id: modelId } = findModel(service, model);
    const counts: number[] = [];
    for await (const event of service.call(countWords, text.split(" "), { modelId, signal })) {
      counts.push(event.tokenCount);
    }
    return { counts };
  },
};

test("an operation with its route takes two files and a line in each of two registries", async () => {
  await using tiny = await createTinyModel();
  const registry = [...operations, countWords];
  const codecs = [...openAiCodecs, wordsCodec];

  // From here on nothing knows of it: another process, its supervisor, the server.
  const { startProcess } = createFakeProcesses((options, dependencies) =>
    createCoreWithBuiltThreads(options, { ...dependencies, operations: registry }),
  );
  await using engine = createEngineSupervisor({
    engine: { ...coreOptions, modelDirectory: tiny.directory, modelName: "tiny", threads: 1 },
    events: { emit: () => undefined },
    startProcess,
  });
  await engine.start();
  const report = async () => ({ status: "healthy", reasons: [], checks: {} }) as const;
  await using server = await createHttpServer({
    service: engine,
    codecs,
    health: { report },
    liveness: { report },
    metrics: { contentType: "text/plain", render: async () => "" },
    logger: pino({ level: "silent" }),
    config: {
      bodyLimitBytes: 1000,
      allowedHosts: [],
      corsOrigins: [],
      requestTimeoutMs: 0,
      keepAliveTimeoutMs: 1000,
      pingIntervalMs: 1000,
      writeTimeoutMs: 1000,
      idleGraceMs: 0,
    },
    version: "0.0.0",
  });
  const { url } = await server.listen({ host: "127.0.0.1", port: 0 });
  const post = async (body: unknown): Promise<Response> =>
    fetch(`${url}/words`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const response = await post({ model: "tiny", text: "one three fifteen" });
  expect([response.status, await response.json()]).toEqual([200, { counts: [3, 5, 7] }]);
  const unknown = await post({ model: "another", text: "one" });
  expect([unknown.status, await unknown.json()]).toMatchObject([404, { error: { code: "model_not_found" } }]);
});
