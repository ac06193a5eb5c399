import { setImmediate as nextTurn } from "node:timers/promises";
import type { FinishReason, TokenLogprob } from "@infernode/inference";
import { statusOf, type EngineClient } from "../../src/models/engine/engine-client.ts";
import type { EngineState, LocalModel, ModelStats } from "../../src/models/model-service.ts";
import type { GenerateEvent, GenerateInput } from "../../src/operations/generate.ts";
import type { Prompt, PromptDescription } from "../../src/operations/prompt.ts";
import { BackendError, EngineRequestError } from "../../src/errors.ts";
import { fakeModel } from "../support/fake-core.ts";
import { runFake } from "../support/fake-operations.ts";

export const modelId = "acme/tiny-stories";

export const model: LocalModel = {
  ...fakeModel,
  id: modelId,
  parameterCount: 1000,
  contextTokens: 256,
  vocabSize: 1024,
  hasChatTemplate: true,
  createdAt: 1_700_000_000,
};

const words = [
  "the ",
  "fox ",
  "ran ",
  "über ",
  "日本",
  "語 ",
  "and ",
  "🦊 ",
  "slept",
  ". ",
  "Once ",
  "naïve ",
];

function hash(text: string): number {
  let state = 2_166_136_261;
  for (let index = 0; index < text.length; index += 1) {
    state = Math.imul(state ^ text.charCodeAt(index), 16_777_619);
  }
  return state >>> 0;
}

/** The text that a prompt is to the fake: one token for each started group of 4 characters. */
function promptText(prompt: Prompt): string {
  if (prompt.kind === "text") return prompt.text;
  if (prompt.kind === "tokens") return prompt.tokenIds.join(" ");
  return prompt.messages.map(({ role, content }) => `<${role}>${content ?? ""}`).join("\n");
}

function promptTokens(prompt: Prompt): number[] {
  if (prompt.kind === "tokens") return [...prompt.tokenIds];
  const text = promptText(prompt);
  return Array.from(
    { length: Math.ceil(text.length / 4) },
    (_, index) => hash(text.slice(index * 4, index * 4 + 4)) % 1024,
  );
}

function toLogprob(token: string, logprob: number, top: number): TokenLogprob {
  const candidate = (text: string, value: number) => ({
    tokenId: hash(text) % 1024,
    token: text,
    bytes: [...Buffer.from(text)],
    logprob: value,
  });
  return {
    ...candidate(token, logprob),
    rank: 1,
    top: Array.from({ length: top }, (_, index) =>
      candidate(
        index === 0 ? token : `${token}${index}`,
        index === 19 ? Number.NEGATIVE_INFINITY : logprob - index,
      ),
    ),
  };
}

/** What a running generation of the fake can be seen as. */
export interface FakeRun {
  readonly request: GenerateInput;
  /** Resolves with the reason of an abort, `finished` at the end of the answer, `left` when it ends before. */
  readonly stopped: Promise<unknown>;
  deltaCount: number;
}

/** Where a test holds a generation. */
export interface FakeGate {
  open(): void;
  readonly opened: Promise<void>;
}

export function createGate(): FakeGate {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

export interface FakeEngine extends EngineClient {
  state: EngineState;
  model: LocalModel | undefined;
  readonly runs: FakeRun[];
  /** Resolves at the next generation. */
  nextRun(): Promise<FakeRun>;
  /** Waited for before `accepted`. */
  admissionGate: FakeGate | undefined;
  /** Waited for before each delta. */
  tokenGate: ((deltaIndex: number) => Promise<void>) | undefined;
  /** Thrown before `accepted`. */
  refuseWith: Error | undefined;
  /** Thrown after this many deltas. */
  failAfter: { readonly deltaCount: number; readonly error: Error } | undefined;
  /** Makes each delta's text this long. */
  padding: string;
}

async function raceAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** An engine that writes words by a hash of the prompt, the seed and the place; the same for the same request. */
/** @param ownModel also names the engine while no model is loaded */
export function createFakeEngine(ownModel: LocalModel = model): FakeEngine {
  const runs: FakeRun[] = [];
  const waiting: ((run: FakeRun) => void)[] = [];

  async function* generate(request: GenerateInput, signal: AbortSignal): AsyncGenerator<GenerateEvent> {
    signal.throwIfAborted();
    if (engine.state !== "ready") throw new BackendError("ENGINE_UNAVAILABLE", engine.reasons().join("; "));
    let tellStopped: (reason: unknown) => void = () => undefined;
    const run: FakeRun = {
      request,
      stopped: new Promise((resolve) => {
        tellStopped = resolve;
      }),
      deltaCount: 0,
    };
    const onAbort = (): void => tellStopped(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    runs.push(run);
    for (const resolve of waiting.splice(0)) resolve(run);
    try {
      for await (const reply of replies(run, signal)) {
        if (reply.type === "finished") tellStopped("finished");
        yield reply;
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      tellStopped("left");
    }
  }

  async function* replies(run: FakeRun, signal: AbortSignal): AsyncGenerator<GenerateEvent> {
    const { request } = run;
    if (engine.refuseWith !== undefined) throw engine.refuseWith;
    if (engine.admissionGate !== undefined) await raceAbort(engine.admissionGate.opened, signal);
    const promptTokenCount = promptTokens(request.prompt).length;
    const { maxTokens, stop = [], includeStopInOutput = false, ignoreEos = false } = request.stopping ?? {};
    const room = ownModel.contextTokens - promptTokenCount;
    if (room < Math.min(1, maxTokens ?? 1) || (maxTokens !== undefined && maxTokens > room)) {
      throw new EngineRequestError({
        code: "CONTEXT_LENGTH_EXCEEDED",
        message: "too long",
        param: "promptTokenIds",
        data: {
          promptTokens: promptTokenCount,
          contextTokens: ownModel.contextTokens,
          ...(maxTokens === undefined ? {} : { maxTokens }),
        },
      });
    }
    yield { type: "accepted", promptTokenCount };
    const { n = 1, logprobs } = request;
    const seed = request.sampling?.seed ?? 0;
    const base = promptText(request.prompt);
    const naturalLength = ignoreEos ? room : 5 + (hash(`${base}|length|${seed}`) % 20);
    const limit = Math.min(maxTokens ?? room, room);
    const open = new Set(Array.from({ length: n }, (_, index) => index));
    const texts = Array.from({ length: n }, () => "");
    let completionTokens = 0;
    const tokenIds = promptTokens(request.prompt);
    const promptLogprobs = tokenIds.map((tokenId, at) =>
      at === 0 ? undefined : toLogprob(`<${tokenId}>`, -1 - (at % 5), request.promptLogprobs ?? 0),
    );
    for (let start = 0; request.promptLogprobs !== undefined && start < tokenIds.length; start += 2) {
      yield { type: "prompt-logprobs", logprobs: promptLogprobs.slice(start, start + 2) };
    }
    if (maxTokens === 0) {
      for (const index of open) {
        const end = { finishReason: "length", stopReason: undefined } as const;
        const delta = { index, text: "", tokenIds: [], logprobs: logprobs === undefined ? undefined : [] };
        yield { type: "delta", delta: { ...delta, ...end } };
      }
      open.clear();
    }
    for (let step = 0; open.size > 0; step += 1) {
      if (engine.tokenGate !== undefined) await raceAbort(engine.tokenGate(step), signal);
      else await raceAbort(nextTurn(), signal);
      if (engine.failAfter !== undefined && step >= engine.failAfter.deltaCount) throw engine.failAfter.error;
      for (const index of open) {
        const word = (words[hash(`${base}|${seed}|${index}|${step}`) % words.length] ?? "") + engine.padding;
        const before = texts[index] ?? "";
        const after = before + word;
        const stopText = stop.find((each) => after.includes(each));
        const stopAt =
          stopText === undefined ? -1 : after.indexOf(stopText) + (includeStopInOutput ? stopText.length : 0);
        const text =
          stopText === undefined ? word : after.slice(before.length, Math.max(stopAt, before.length));
        texts[index] = after;
        completionTokens += 1;
        let finishReason: FinishReason | undefined;
        if (stopText !== undefined || step + 1 >= naturalLength) finishReason = "stop";
        else if (step + 1 >= limit) finishReason = "length";
        if (finishReason !== undefined) open.delete(index);
        run.deltaCount += 1;
        yield {
          type: "delta",
          delta: {
            index,
            text,
            tokenIds: [hash(word) % 1024],
            logprobs: logprobs === undefined ? undefined : [toLogprob(word, -0.5 - (step % 3), logprobs)],
            finishReason,
            stopReason: stopText,
          },
        };
      }
    }
    yield {
      type: "finished",
      usage: { promptTokens: promptTokenCount, completionTokens, cachedPromptTokens: 0 },
      timings: { queuedMs: 0, timeToFirstTokenMs: 1, totalMs: 2 },
    };
  }

  const describe = (prompt: Prompt): PromptDescription => {
    const tokenIds = promptTokens(prompt);
    const spellings = tokenIds.map((tokenId) => `<${tokenId}>`);
    return { tokenIds, spellings, text: prompt.kind === "text" ? prompt.text : spellings.join("") };
  };
  const dispose = async (): Promise<void> => undefined;
  const engine: FakeEngine = {
    get id() {
      return engine.model?.id ?? ownModel.id;
    },
    state: "ready",
    model: ownModel,
    runs,
    nextRun: async () => new Promise((resolve) => waiting.push(resolve)),
    admissionGate: undefined,
    tokenGate: undefined,
    refuseWith: undefined,
    failAfter: undefined,
    padding: "",
    stats: (): ModelStats | undefined => undefined,
    reasons: () => (engine.state === "ready" ? [] : [`the engine is ${engine.state}`]),
    models: () => statusOf(engine),
    call: (operation, input, { signal = new AbortController().signal }) =>
      runFake({ generate, describe }, { operation, input, signal }),
    drain: dispose,
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
  return engine;
}
