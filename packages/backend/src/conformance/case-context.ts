import assert from "node:assert/strict";
import type { ModelService } from "../models/model-service.ts";
import { firstEvent } from "../operations/operation.ts";
import { describePrompt } from "../operations/describe-prompt.ts";
import { generate, type GenerateEvent, type GenerateInput } from "../operations/generate.ts";
import type { Prompt, PromptDescription } from "../operations/prompt.ts";
import { tokenize } from "../operations/tokenize.ts";

/** One sentence about a service that holds or throws; run it in any test framework. */
export interface ConformanceCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** The body of a case; throws on failure. */
export type CaseBody<Context> = (context: Context) => Promise<void>;

/** What a case uses: a service, and shortcuts for calls to its first model. */
export interface CaseContext<Service extends ModelService = ModelService> {
  readonly service: Service;
  readonly modelId: string;
  /** The context of the model. */
  readonly contextTokens: number;
  /** Resolves when the model has no work left; the test's timeout bounds the wait. */
  readonly untilIdle: () => Promise<void>;
  readonly generate: (input: GenerateInput, signal?: AbortSignal) => AsyncIterable<GenerateEvent>;
  readonly collect: (input: GenerateInput) => Promise<readonly GenerateEvent[]>;
  readonly tokensOf: (prompt: Prompt) => Promise<readonly number[]>;
  readonly describe: (prompt: Prompt) => Promise<PromptDescription>;
}

/** A prompt for any model. */
export const hello: Prompt = { kind: "text", text: "hello" };

let requestCount = 0;

/** Creates a greedy generation of exactly `maxTokens` tokens. */
export function requestOf(
  prompt: Prompt,
  maxTokens: number,
  extra: Partial<GenerateInput> = {},
): GenerateInput {
  requestCount += 1;
  const sampling = { temperature: 0, ...extra.sampling };
  const stopping = { maxTokens, ignoreEos: true, ...extra.stopping };
  return { id: `conformance-${requestCount}`, prompt, ...extra, sampling, stopping };
}

/** Joins the text of an answer. */
export function textOf(events: readonly GenerateEvent[], index = 0): string {
  return events
    .map((event) => (event.type === "delta" && event.delta.index === index ? event.delta.text : ""))
    .join("");
}

/** Returns the error of a call; throws unless it has the code. */
export async function rejectsWith(
  code: string | RegExp,
  call: Promise<unknown>,
): Promise<Error & { readonly code: unknown; readonly param?: unknown; readonly data?: unknown }> {
  const error = await call.then(
    () => assert.fail(`expected an error with the code ${code}, got none`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error && "code" in error, `expected an error with a code, got ${String(error)}`);
  const found = String(error.code);
  const fits = typeof code === "string" ? found === code : code.test(found);
  assert.ok(fits, `expected the code ${code}, got ${found}: ${error.message}`);
  return error;
}

/** Creates the context for the first model of a service. */
export function createCaseContext<Service extends ModelService>(
  service: Service,
  untilIdle: () => Promise<void>,
): CaseContext<Service> {
  const [status] = service.models();
  assert.ok(status?.model !== undefined, "expected a service with a model that is ready");
  const { id: modelId, contextTokens } = status.model;
  assert.ok(contextTokens !== undefined, "expected a model whose context is known");
  const ask = (input: GenerateInput, signal?: AbortSignal): AsyncIterable<GenerateEvent> =>
    service.call(generate, input, { modelId, signal });
  return {
    service,
    modelId,
    contextTokens,
    untilIdle,
    generate: ask,
    collect: async (input) => {
      const events: GenerateEvent[] = [];
      for await (const event of ask(input)) events.push(event);
      return events;
    },
    tokensOf: async (prompt) => (await firstEvent(service.call(tokenize, prompt, { modelId }))).tokenIds,
    describe: async (prompt) => {
      const { type: _, ...description } = await firstEvent(service.call(describePrompt, prompt, { modelId }));
      return description;
    },
  };
}
