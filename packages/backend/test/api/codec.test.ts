import { expect, test } from "vitest";
import { openAiFormat } from "../../src/api/openai/openai-format.ts";
import type { GenerationCodec } from "../../src/api/shared/codec.ts";
import { findModel } from "../../src/api/shared/find-model.ts";
import type { WireFormat } from "../../src/api/shared/wire-format.ts";
import { EngineRequestError } from "../../src/errors.ts";
import { createEngineSupervisor } from "../../src/models/local/engine-supervisor.ts";
import { operations } from "../../src/operations/registry.ts";
import type { Operation } from "../../src/operations/operation.ts";
import { startServer } from "../http/start-server.ts";
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
      if (text === "?") throw new EngineRequestError({ code: "INVALID_REQUEST", message: "expected a word" });
      const tokenIds = await prompts.encode({ kind: "text", text }, { purpose: "inspection", signal });
      yield { type: "word", tokenCount: tokenIds.length };
    }
  },
};

// The file of its codec: a text to words, and their counts to events or to one answer.
const wordsCodec: GenerationCodec = {
  path: "/words",
  description: {
    id: "countWords",
    summary: "Counts the tokens of words",
    body: {
      name: "Words",
      schema: () => ({ type: "object" }),
      example: () => ({ text: "one two" }),
      ignorableNames: () => [],
    },
    answer: { name: "WordCounts", schema: { type: "object" } },
    chunk: { name: "WordCount", schema: { type: "integer" } },
    errors: ["model_not_found"],
  },
  prepare({ body }, { service }) {
    const { model, text, stream } = body as Readonly<Record<"model" | "text", string>> & { stream: boolean };
    const { id: modelId } = findModel(service, model);
    return {
      modelId,
      isStream: stream,
      fieldNames: { prompt: "text" },
      start: async (signal) => {
        const events = service.call(countWords, text.split(" "), { modelId, signal });
        return {
          progress: { promptTokens: 0, completionTokens: 0, firstTokenAtMs: undefined, finishReasons: [] },
          release: () => undefined,
          async collect() {
            const counts: number[] = [];
            for await (const { tokenCount } of events) counts.push(tokenCount);
            return [JSON.stringify({ counts })];
          },
          async *chunks() {
            for await (const { tokenCount } of events) yield [{ name: "count", data: String(tokenCount) }];
          },
        };
      },
    };
  },
};

// The rest of a wire format: its errors, and the end of its streams.
const wordsFormat: WireFormat = {
  name: "Words",
  codecs: [wordsCodec],
  errors: {
    toBody: ({ code, status }) => ({ failure: { code, status } }),
    toEvent: ({ message }) => ({ name: "failure", data: message }),
    schema: { name: "Failure", schema: { type: "object", required: ["failure"] } },
    schemaOf: (codes) => ({ description: codes.join() }),
  },
  streamEnd: { name: "end", data: "." },
};

/*
 * How much is added:
 * an operation: 1 file, and 1 line in operations/registry.ts
 * a codec:      1 file, and 1 line in its format
 * a format:     1 folder (here of 2 files, the codec among them), and 1 line in api/wire-formats.ts
 * Everything else below is the code as it is: another process, its supervisor, the server, its document.
 */
const registry = [...operations, countWords];
const formats = [openAiFormat, wordsFormat] as const;

test("an operation and a wire format take one file and a line each, with errors and a stream of their own", async () => {
  await using tiny = await createTinyModel();
  const { startProcess } = createFakeProcesses((options, dependencies) =>
    createCoreWithBuiltThreads(options, { ...dependencies, operations: registry }),
  );
  await using engine = createEngineSupervisor({
    engine: { ...coreOptions, modelDirectory: tiny.directory, modelName: "tiny", threads: 1 },
    events: { emit: () => undefined },
    startProcess,
  });
  await engine.start();
  await using server = await startServer({}, { service: engine, formats });

  const text = "one three fifteen";
  const whole = await server.post("/words", { model: "tiny", text });
  expect([whole.status, await whole.json()]).toEqual([200, { counts: [3, 5, 7] }]);

  const streamed = await server.post("/words", { model: "tiny", text, stream: true });
  expect(await streamed.text()).toBe(
    "event: count\ndata: 3\n\nevent: count\ndata: 5\n\nevent: count\ndata: 7\n\nevent: end\ndata: .\n\n",
  );
  const failing = await server.post("/words", { model: "tiny", text: "one ?", stream: true });
  expect(await failing.text()).toBe("event: count\ndata: 3\n\nevent: failure\ndata: expected a word\n\n");

  const failure = async (response: Promise<Response>) => [
    (await response).status,
    await (await response).json(),
  ];
  expect(await failure(server.post("/words", { model: "another", text }))).toEqual([
    404,
    { failure: { code: "model_not_found", status: 404 } },
  ]);
  expect(await failure(server.post("/words", "{"))).toMatchObject([
    400,
    { failure: { code: "invalid_json" } },
  ]);
  expect(await failure(fetch(`${server.url}/words`))).toMatchObject([
    405,
    { failure: { code: "method_not_allowed" } },
  ]);
  // Other paths keep theirs; those of no format have the first one's.
  for (const path of ["/v1/completions", "/nowhere"]) {
    expect(await (await server.post(path, {})).json()).toMatchObject({
      error: { type: "invalid_request_error" },
    });
  }
});

test("the document and the links are made of the formats that a server has", async () => {
  await using server = await startServer({}, { formats });
  const document = await (await fetch(`${server.url}/openapi.json`)).json();
  expect(document).toMatchObject({
    paths: {
      "/v1/chat/completions": { post: { tags: ["OpenAI"] } },
      "/words": {
        post: {
          operationId: "countWords",
          tags: ["Words"],
          requestBody: {
            content: { "application/json": { schema: { $ref: "#/components/schemas/Words" } } },
          },
          responses: {
            200: {
              content: {
                "application/json": { schema: { $ref: "#/components/schemas/WordCounts" } },
                "text/event-stream": { schema: { properties: { data: { anyOf: [{}, { const: "." }] } } } },
              },
            },
            404: {
              content: {
                "application/json": {
                  schema: {
                    allOf: [{ $ref: "#/components/schemas/Failure" }, { description: "model_not_found" }],
                  },
                },
              },
            },
          },
        },
      },
    },
    components: { schemas: { Words: {}, WordCounts: {}, WordCount: {}, Failure: {}, Error: {} } },
  });
  const about = await (await fetch(server.url)).json();
  expect(about).toMatchObject({
    description: "An OpenAI and Words-compatible server for language models",
    links: { chat: "/v1/chat/completions", models: "/v1/models", health: "/health" },
  });
});
