import assert from "node:assert/strict";
import type { EngineClient } from "../models/engine/engine-client.ts";
import { firstEvent } from "../operations/operation.ts";
import type { Operation } from "../operations/operation.ts";
import type { Prompt } from "../operations/prompt.ts";
import {
  hello,
  rejectsWith,
  requestOf,
  textOf,
  type CaseBody,
  type CaseContext,
  type ConformanceCase,
} from "./case-context.ts";
import { toCases, toOwnCases, type ModelServiceConformanceOptions } from "./model-service-cases.ts";

type EngineCase = CaseBody<CaseContext<EngineClient>>;

interface ShoutEvent {
  readonly type: "shouted";
  readonly text: string;
}

/** An operation that is not in the package; engines under test register it. */
export const shout: Operation<{ readonly text: string; readonly times: number }, ShoutEvent> = {
  name: "shout",
  async *run({ prompts }, { text, times }, signal) {
    const prompt = { kind: "text", text: text.toUpperCase(), addSpecialTokens: false } as const;
    for (let count = 0; count < times; count += 1) {
      const description = await prompts.describe(prompt, signal);
      yield { type: "shouted", text: description.text };
    }
  },
};

const cases: Readonly<Record<string, EngineCase>> = {
  "describes its model completely": async ({ service, contextTokens }) => {
    assert.equal(service.state, "ready");
    assert.deepEqual(service.reasons(), []);
    const { model } = service;
    assert.ok(model?.hasChatTemplate === true && model.vocabSize > 0 && model.memoryPlan.totalBytes > 0);
    assert.equal(model.memoryPlan.contextTokens, contextTokens);
    assert.equal(service.models()[0]?.model, model);
  },

  "reports token ids, and the length of the prompt on acceptance": async ({
    collect,
    describe,
    tokensOf,
  }) => {
    const [first, ...events] = await collect(requestOf(hello, 12));
    const promptTokenCount = (await tokensOf(hello)).length;
    assert.deepEqual(first, { type: "accepted", promptTokenCount });
    const tokenIds = events.flatMap((event) => (event.type === "delta" ? event.delta.tokenIds : []));
    assert.equal(tokenIds.length, 12);
    assert.ok((await describe({ kind: "tokens", tokenIds })).text.includes(textOf(events)));
  },

  "runs a registered operation": async ({ service, modelId }) => {
    const texts: string[] = [];
    for await (const { text } of service.call(shout, { text: "abc", times: 3 }, { modelId })) {
      texts.push(text);
    }
    assert.deepEqual(texts, ["ABC", "ABC", "ABC"]);
    const silent = service.call(shout, { text: "abc", times: 0 }, { modelId });
    await rejectsWith("ENGINE_PROTOCOL", firstEvent(silent));
  },

  "reports a prompt's log-probabilities in parts before the first delta": async ({ collect }) => {
    const tokenIds = Array.from({ length: 200 }, (_, index) => index % 100);
    const request = { ...requestOf({ kind: "tokens", tokenIds }, 0), promptLogprobs: 20 };
    const events = await collect(request);
    const types = events.map(({ type }) => type);
    const parts = types.filter((type) => type === "prompt-logprobs");
    assert.ok(parts.length > 1);
    assert.deepEqual(types, ["accepted", ...parts, "delta", "finished"]);
    const entries = events.flatMap((event) => (event.type === "prompt-logprobs" ? event.logprobs : []));
    assert.equal(entries[0], undefined);
    assert.deepEqual(
      entries.slice(1).map((entry) => entry?.tokenId),
      tokenIds.slice(1),
    );
    assert.equal(entries[1]?.top.length, 20);
  },

  "rejects a text that cannot fit before tokenizing it": async ({ tokensOf }) => {
    const huge: Prompt = { kind: "text", text: "x".repeat(4_000_000) };
    await rejectsWith("CONTEXT_LENGTH_EXCEEDED", tokensOf(huge));
  },

  "counts what runs": async ({ service, generate, untilIdle }) => {
    for await (const event of generate(requestOf(hello, 200))) if (event.type === "delta") break;
    await untilIdle();
    assert.equal(service.stats()?.runningSequenceCount, 0);
    assert.ok((service.stats()?.generatedTokenCount ?? 0) > 0);
  },
};

/** Cases for engines that restart after a crash of their process. */
const crashCases = (crash: (service: EngineClient) => void): Readonly<Record<string, EngineCase>> => ({
  "fails a streaming answer when its engine crashes, and serves the next": async (context) => {
    const { service, generate, collect } = context;
    const call = async (): Promise<void> => {
      for await (const event of generate(requestOf(hello, 200))) if (event.type === "delta") crash(service);
    };
    const error = await rejectsWith("ENGINE_CRASHED", call());
    assert.equal(error.name, "BackendError");
    assert.equal((await collect(requestOf(hello, 5))).at(-1)?.type, "finished");
  },

  "restarts an answer after a crash if its reader allows it": async ({ service, generate, collect }) => {
    const whole = textOf(await collect(requestOf(hello, 20)));
    let text = "";
    let restartCount = 0;
    for await (const event of generate({ ...requestOf(hello, 20), canRestart: true })) {
      if (event.type === "delta") text += event.delta.text;
      if (event.type === "restarted") {
        text = "";
        restartCount += 1;
      }
      if (event.type === "delta" && restartCount === 0) crash(service);
    }
    assert.equal(restartCount, 1);
    assert.equal(text, whole);
  },
});

/** What `engineCases` takes. */
export interface EngineConformanceOptions extends ModelServiceConformanceOptions<EngineClient> {
  /** Crashes the engine's process, if it has one. [no cases with crashes] */
  readonly crash?: (service: EngineClient) => void;
}

/**
 * Lists what every engine must do beyond a `ModelService`, as independent cases. `shout` is registered, and the
 * tokenizer has a token for each letter.
 */
export function engineCases(options: EngineConformanceOptions): readonly ConformanceCase[] {
  const { crash } = options;
  const ownCases = crash === undefined ? [] : toOwnCases(crashCases(crash), options);
  return [...toCases(cases, options), ...ownCases];
}
