import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDaemon, type TestDaemon } from "../e2e/support/start-daemon.ts";
import {
  createOpenApiChecks,
  type Answer,
  type OpenApiChecks,
  type OpenApiDocument,
} from "./support/openapi-checks.ts";
import { nearly, valuesOf, type Schema } from "./support/schema-arbitrary.ts";

/** Another one tries other bodies: FUZZ_SEED=7 FUZZ_RUNS=5000. */
const seed = Number(process.env["FUZZ_SEED"] ?? 20260);
const runs = Number(process.env["FUZZ_RUNS"] ?? 50);
const atOnce = 8;

const model = "infernode-stories";
/** Takes every conversation that the schema describes. */
const template =
  "{%- for m in messages -%}<|{{ m.role }}|>{{ m.content or '' }}<|turn_end|>{%- endfor -%}<|assistant|>";

let folder: string;
let daemon: TestDaemon;
let document: OpenApiDocument;
let checks: OpenApiChecks;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "infernode-fuzz-"));
  const templatePath = join(folder, "template.jinja");
  await writeFile(templatePath, template);
  daemon = await startDaemon({ args: ["--chat-template", templatePath] });
  document = (await (await fetch(`${daemon.url}/openapi.json`)).json()) as OpenApiDocument;
  checks = createOpenApiChecks(document);
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function ask(method: string, path: string, body?: string | Uint8Array<ArrayBuffer>): Promise<Answer> {
  const response = await fetch(daemon.url + path, {
    method,
    headers: { "content-type": "application/json" },
    ...(body === undefined ? {} : { body }),
  });
  const { status, headers } = response;
  return { status, headers, text: await response.text() };
}

/** Sends all, a few at the same time; the answers have the order of the inputs. */
async function forAll<Input>(
  inputs: readonly Input[],
  send: (input: Input) => Promise<Answer>,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < inputs.length) {
      const at = next;
      next += 1;
      answers[at] = await send(inputs[at] as Input);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return answers;
}

interface ErrorAnswer {
  readonly code: string;
  readonly param: string | null;
  readonly message: string;
}

/** Anthropic's errors have a type, and the field in their message. */
interface TypedError {
  readonly type: string;
  readonly message: string;
}

function errorOf({ text }: Answer): ErrorAnswer {
  const { error } = JSON.parse(text) as { error: ErrorAnswer | TypedError };
  if ("code" in error) return error;
  const { type, message } = error;
  return { code: type, param: /`([^`]+)`/.exec(message)?.[1] ?? null, message };
}

/** Rules that docs/http-api.md states and no schema can: what a body that is valid by its schema may be refused for. */
const rules: readonly { readonly code: RegExp; readonly param: RegExp; readonly message?: RegExp }[] = [
  { code: /^context_length_exceeded$/, param: /^(prompt|messages|input)$/ },
  { code: /^model_not_found$/, param: /^model$/ },
  // Prompts times `n`, equal names of one limit, and limits of each other.
  { code: /^invalid_value$/, param: /^(n|min_tokens|max_completion_tokens)$/ },
  { code: /^unsupported_parameter$/, param: /^best_of$/ },
  // Ids of the vocabulary as keys.
  { code: /^invalid_value$/, param: /^logit_bias$/ },
  // Without special tokens, an empty text has no token to go on from.
  { code: /^invalid_value$/, param: /^prompt$/, message: /at least 1 token/ },
  // `continue_final_message` needs a text.
  { code: /^invalid_value$/, param: /^messages\[\d+\]\.content$/ },
  { code: /^unknown_parameter$/, param: /__proto__$/ },
  // Names that occur once, and results of calls that were made.
  { code: /^invalid_value$/, param: /^(tools\[\d+\]\.function\.name|messages\[\d+\]\.tool_call_id)$/ },
  // One constraint, with what it needs.
  { code: /^invalid_value$/, param: /^(structured_outputs\b.*|response_format\.json_schema\.schema)$/ },
  { code: /^invalid_request_error$/, param: /^output_(config\.)?format$/ },
  // A choice among the tools that there are, and schemas of arguments that are enforced.
  { code: /^(invalid_value|invalid_request_error)$/, param: /^tool_choice\b/ },
  {
    code: /^(invalid_value|invalid_request_error|unsupported_parameter)$/,
    param: /^tools\[\d+\]\.(function\.parameters|input_schema)\b/,
  },
  // The same in Anthropic's format, and a final message that the answer can continue.
  { code: /^invalid_request_error$/, param: /^$/, message: /^This model's maximum context length/ },
  {
    code: /^invalid_request_error$/,
    param: /^(tools|thinking|tools\[\d+\]\.name|messages\[\d+\]\.content\[\d+\](\.tool_use_id)?)$/,
    message:
      /: expected (a name of its own|the id of a call|text, and no call)|: `\w+` is not supported: the model/,
  },
  // Choices among tools that there are.
  {
    code: /^invalid_value$/,
    param: /^tool_choice\b/,
    message: /without `tools`|name of a function of `tools`/,
  },
  // The same in responses, whose text has a format too.
  { code: /^invalid_value$/, param: /^(tools\[\d+\]\.name|input|text\.format)$/ },
  // What is not stored, and ids of items that occur twice.
  {
    code: /^(previous_response|conversation|item)_not_found$/,
    param: /^(previous_response_id|conversation|input\[\d+\])$/,
  },
  { code: /^invalid_value$/, param: /^(items|input)\[\d+\](\.id)?$/, message: /of its own|Duplicate/ },
  // What the model's chat template has.
  {
    code: /^unsupported_parameter$/,
    param: /^(tools|reasoning_effort|reasoning\.effort|thinking_token_budget)$/,
  },
];

function isByRule({ code, param, message }: ErrorAnswer): boolean {
  return rules.some(
    (rule) => rule.code.test(code) && rule.param.test(param ?? "") && (rule.message?.test(message) ?? true),
  );
}

/** Answers of a few tokens say as much as long ones. */
function keepShort(body: unknown): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  const short: Record<string, unknown> = { ...body };
  const { max_tokens: max = null, max_completion_tokens: newer = null, n } = short;
  if ("input" in short) short["max_output_tokens"] ??= 2;
  else if (max === null && newer === null) short["max_tokens"] = 2;
  for (const name of ["max_tokens", "max_completion_tokens", "max_output_tokens"]) {
    const value = short[name];
    if (Number.isInteger(value) && Number(value) > 4 && Number(value) <= 1024) short[name] = 4;
  }
  if (Number.isInteger(n) && Number(n) > 3 && Number(n) <= 128) short["n"] = 3;
  return short;
}

/** Bodies that ask the served model. */
function bodiesOf(path: string): fc.Arbitrary<unknown> {
  const schema = checks.requestSchema(path);
  const properties = schema["properties"] as Readonly<Record<string, Schema>>;
  const isGeneration = "max_tokens" in properties;
  const isLengthRequired = (schema["required"] as readonly string[] | undefined)?.includes("max_tokens");
  // Otherwise most lengths would be beyond the context.
  const length =
    isLengthRequired === true ? { max_tokens: { ...properties["max_tokens"], maximum: 1024 } } : {};
  const own = { ...schema, properties: { ...properties, ...length, model: { const: model } } };
  return isGeneration ? valuesOf(own).map(keepShort) : valuesOf(own);
}

/** What is wrong with the answer to one body. */
function problemsOf(path: string, body: unknown, answer: Answer): readonly string[] {
  const problems = [...checks.problems("post", path, answer)];
  if (answer.status >= 500 || answer.status === 429) problems.push(`status ${answer.status}`);
  const isRefused = answer.status !== 200;
  if (checks.isValidRequest(path, body)) {
    if (isRefused && !isByRule(errorOf(answer))) problems.push("refused, and valid by its schema");
  } else if (!isRefused) {
    problems.push("taken, and not valid by its schema");
  }
  return problems;
}

const paths = [
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/responses",
  "/v1/responses/input_tokens",
  "/v1/conversations",
  "/v1/messages",
  "/v1/messages/count_tokens",
  "/tokenize",
  "/detokenize",
];

describe.each(paths)("%s", (path) => {
  const tryBodies = async (bodies: readonly unknown[]): Promise<ReadonlyMap<string, number>> => {
    const answers = await forAll(bodies, (body) => ask("POST", path, JSON.stringify(body)));
    const failures = answers.flatMap((answer, index) => {
      const problems = problemsOf(path, bodies[index], answer);
      if (problems.length === 0) return [];
      return [{ problems, body: JSON.stringify(bodies[index]), answer: answer.text.slice(0, 400) }];
    });
    expect(failures.slice(0, 5)).toEqual([]);
    const counts = new Map<string, number>();
    for (const answer of answers) {
      const { code, param } = answer.status === 200 ? { code: "200", param: null } : errorOf(answer);
      // Errors of one type are told apart by their fields.
      const kind = code === "invalid_request_error" ? `${code} ${param}` : code;
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    return counts;
  };

  test("takes what its schema describes, and answers as described", async () => {
    const valid = bodiesOf(path).filter((body) => checks.isValidRequest(path, body));
    const counts = await tryBodies(fc.sample(valid, { seed, numRuns: runs }));
    expect(counts.get("200")).toBeGreaterThan(runs / 5);
  });

  test("refuses what its schema does not describe, as described", async () => {
    const counts = await tryBodies(fc.sample(nearly(bodiesOf(path)), { seed, numRuns: runs }));
    expect(counts.size).toBeGreaterThan(3);
  });

  test("answers bytes that are no body as described", async () => {
    const texts: fc.Arbitrary<Uint8Array<ArrayBuffer>> = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Uint8Array.from(bytes)),
      fc.json().map((text) => Uint8Array.from(Buffer.from(text))),
      fc.tuple(bodiesOf(path), fc.nat(), fc.integer({ min: 0, max: 255 })).map(([body, at, byte]) => {
        const bytes = Uint8Array.from(Buffer.from(JSON.stringify(body)));
        bytes[at % bytes.length] = byte;
        return bytes;
      }),
    );
    const bodies = fc.sample(texts, { seed, numRuns: runs });
    const answers = await forAll(bodies, (bytes) => ask("POST", path, bytes));
    const failures = answers.flatMap((answer, index) => {
      const problems = [...checks.problems("post", path, answer)];
      if (answer.status >= 500) problems.push(`status ${answer.status}`);
      return problems.map((problem) => `${problem}: ${Buffer.from(bodies[index] ?? []).toString("latin1")}`);
    });
    expect(failures.slice(0, 5)).toEqual([]);
  });
});

test("every path that is read answers as described", async () => {
  const reads = Object.entries(document.paths).filter(([, operations]) => "get" in operations);
  expect(reads.length).toBeGreaterThan(8);
  for (const [path] of reads) {
    const ids = path.includes("{") ? [model, "other", "a/b", "%00", "ü", "x".repeat(5000)] : [""];
    for (const id of ids) {
      const answer = await ask(
        "GET",
        path.replaceAll(/\{\w+\}/g, path.includes("{id}") ? id : encodeURIComponent(id)),
      );
      expect({ path, id, problems: checks.problems("get", path, answer) }).toEqual({
        path,
        id,
        problems: [],
      });
      expect(answer.status).toBeLessThan(500);
    }
  }
});
