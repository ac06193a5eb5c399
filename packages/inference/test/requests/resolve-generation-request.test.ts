import { describe, expect, it } from "vitest";
import type { GenerationRequest } from "../../src/index.ts";
import { resolveGenerationRequest } from "../../src/requests/resolve-generation-request.ts";

const model = { vocabSize: 100, contextTokens: 20 };

function resolve(request: unknown): ReturnType<typeof resolveGenerationRequest> {
  return resolveGenerationRequest(request as GenerationRequest, model);
}

describe("resolveGenerationRequest", () => {
  it("fills in the defaults", () => {
    expect(resolve({ promptTokenIds: [1, 2] })).toEqual({
      id: undefined,
      adapter: 0,
      constraint: undefined,
      promptTokenIds: Int32Array.of(1, 2),
      sampling: {
        temperature: 1,
        topP: 1,
        topK: 0,
        minP: 0,
        presencePenalty: 0,
        frequencyPenalty: 0,
        repetitionPenalty: 1,
        logitBias: new Map(),
        allowedTokenIds: undefined,
        bannedSequences: [],
        seed: undefined,
      },
      stopping: {
        maxTokens: 18,
        minTokens: 0,
        stop: [],
        stopTokenIds: [],
        ignoreEos: false,
        includeStopInOutput: false,
      },
      n: 1,
      logprobs: undefined,
      promptLogprobs: undefined,
      keepResult: true,
      keptSpecialTokenIds: [],
      skipSpecialTokens: true,
      signal: undefined,
    });
  });

  it("accepts the limits of every range, and treats undefined as absent", () => {
    for (const sampling of [
      { temperature: 0, topP: 1, minP: 0, presencePenalty: -2, frequencyPenalty: -2, seed: -(2n ** 63n) },
      {
        temperature: 2,
        topP: 1e-9,
        minP: 1,
        presencePenalty: 2,
        frequencyPenalty: 2,
        topK: 1e9,
        seed: 2n ** 64n - 1n,
      },
      { logitBias: new Map([[99, -100]]), repetitionPenalty: 1e-9, temperature: undefined },
    ]) {
      expect(resolve({ promptTokenIds: [0, 99], sampling }).sampling).toMatchObject(
        Object.fromEntries(Object.entries(sampling).filter(([, value]) => value !== undefined)),
      );
    }
    const longest = ["x".repeat(1024), "\u{1f600}".repeat(1024)];
    const stopping = { maxTokens: 18, minTokens: 18, stop: [...longest, ...Array(14).fill("x")] as string[] };
    expect(resolve({ promptTokenIds: [1, 2], stopping, n: 128, logprobs: 20 }).stopping).toMatchObject(
      stopping,
    );
  });

  it.each<[string, unknown, string]>([
    ["request", undefined, "an object"],
    ["promptTokenIds", {}, "an array of token ids"],
    ["promptTokenIds", { promptTokenIds: "text" }, "an array of token ids"],
    ["promptTokenIds", { promptTokenIds: [] }, "at least 1 token"],
    ["promptTokenIds[1]", { promptTokenIds: [1, 100] }, "a token id from 0 to 99"],
    ["promptTokenIds[0]", { promptTokenIds: [1.5] }, "a token id"],
    ["promptTokenIds[0]", { promptTokenIds: ["1"] }, "a token id"],
    ["temprature", { promptTokenIds: [1], temprature: 1 }, "no field of this name"],
    ["sampling.temperture", { promptTokenIds: [1], sampling: { temperture: 1 } }, "no field of this name"],
    ["sampling", { promptTokenIds: [1], sampling: [] }, "an object"],
    ["sampling.temperature", { promptTokenIds: [1], sampling: { temperature: 2.1 } }, "from 0 to 2"],
    ["sampling.temperature", { promptTokenIds: [1], sampling: { temperature: Number.NaN } }, "from 0 to 2"],
    ["sampling.temperature", { promptTokenIds: [1], sampling: { temperature: "1" } }, "from 0 to 2"],
    ["sampling.topP", { promptTokenIds: [1], sampling: { topP: 0 } }, "above 0 and at most 1"],
    ["sampling.topK", { promptTokenIds: [1], sampling: { topK: -1 } }, "an integer from 0"],
    ["sampling.minP", { promptTokenIds: [1], sampling: { minP: 1.01 } }, "from 0 to 1"],
    ["sampling.presencePenalty", { promptTokenIds: [1], sampling: { presencePenalty: 3 } }, "-2 to 2"],
    ["sampling.frequencyPenalty", { promptTokenIds: [1], sampling: { frequencyPenalty: -3 } }, "-2 to 2"],
    ["sampling.repetitionPenalty", { promptTokenIds: [1], sampling: { repetitionPenalty: 0 } }, "above 0"],
    [
      "sampling.repetitionPenalty",
      { promptTokenIds: [1], sampling: { repetitionPenalty: Infinity } },
      "above 0",
    ],
    ["sampling.seed", { promptTokenIds: [1], sampling: { seed: 1.5 } }, "an integer"],
    ["sampling.seed", { promptTokenIds: [1], sampling: { seed: 2n ** 64n } }, "to 18446744073709551615"],
    ["sampling.seed", { promptTokenIds: [1], sampling: { seed: -(2 ** 64) } }, "from -9223372036854775808"],
    ["sampling.logitBias", { promptTokenIds: [1], sampling: { logitBias: { 1: 2 } } }, "a Map"],
    [
      "sampling.logitBias[100]",
      { promptTokenIds: [1], sampling: { logitBias: new Map([[100, 1]]) } },
      "0 to 99",
    ],
    [
      "sampling.logitBias[1]",
      { promptTokenIds: [1], sampling: { logitBias: new Map([[1, 101]]) } },
      "-100 to 100",
    ],
    ["stopping.maxTokens", { promptTokenIds: [1], stopping: { maxTokens: 0 } }, "an integer from 1"],
    ["stopping.minTokens", { promptTokenIds: [1], stopping: { maxTokens: 2, minTokens: 3 } }, "from 0 to 2"],
    ["stopping.stop", { promptTokenIds: [1], stopping: { stop: "x" } }, "an array of strings"],
    ["stopping.stop", { promptTokenIds: [1], stopping: { stop: Array(17).fill("x") } }, "at most 16"],
    ["stopping.stop[1]", { promptTokenIds: [1], stopping: { stop: ["x", ""] } }, "1 to 1024"],
    ["stopping.stop[0]", { promptTokenIds: [1], stopping: { stop: ["x".repeat(1025)] } }, "1 to 1024"],
    [
      "stopping.stop[0]",
      { promptTokenIds: [1], stopping: { stop: ["\u{1f600}".repeat(1025)] } },
      "1 to 1024",
    ],
    ["stopping.stopTokenIds[0]", { promptTokenIds: [1], stopping: { stopTokenIds: [-1] } }, "0 to 99"],
    ["stopping.ignoreEos", { promptTokenIds: [1], stopping: { ignoreEos: 1 } }, "true or false"],
    ["n", { promptTokenIds: [1], n: 129 }, "from 1 to 128"],
    ["logprobs", { promptTokenIds: [1], logprobs: 21 }, "from 0 to 20"],
    ["promptLogprobs", { promptTokenIds: [1], promptLogprobs: -1 }, "from 0 to 20"],
    ["signal", { promptTokenIds: [1], signal: {} }, "an AbortSignal"],
    ["id", { promptTokenIds: [1], id: "" }, "a string"],
  ])("refuses an invalid %s, and names it", (param, request, expected) => {
    expect(() => resolve(request)).toThrow(
      expect.objectContaining({
        code: "INVALID_REQUEST",
        param,
        expected: expect.stringContaining(expected),
        message: expect.stringContaining(", got "),
      }),
    );
  });

  it("takes a request that generates nothing where the prompt's log-probabilities are wanted", () => {
    const promptTokenIds = Array.from({ length: 20 }, () => 1);
    const request = { promptTokenIds, stopping: { maxTokens: 0 }, promptLogprobs: 0 };
    expect(resolve(request)).toMatchObject({ stopping: { maxTokens: 0 }, promptLogprobs: 0 });
    expect(() => resolve({ ...request, stopping: {} })).toThrow(
      expect.objectContaining({ code: "CONTEXT_LENGTH_EXCEEDED" }),
    );
  });

  it("refuses a request that is longer than the context, with the lengths", () => {
    const prompt = (length: number): number[] => Array.from({ length }, () => 1);
    expect(resolve({ promptTokenIds: prompt(19) }).stopping.maxTokens).toBe(1);
    expect(() => resolve({ promptTokenIds: prompt(20) })).toThrow(
      expect.objectContaining({
        code: "CONTEXT_LENGTH_EXCEEDED",
        promptTokens: 20,
        maxTokens: undefined,
        contextTokens: 20,
        message: expect.stringContaining("at most 20 tokens, the maximum context length"),
      }),
    );
    expect(() => resolve({ promptTokenIds: prompt(10), stopping: { maxTokens: 11 } })).toThrow(
      expect.objectContaining({ code: "CONTEXT_LENGTH_EXCEEDED", promptTokens: 10, maxTokens: 11 }),
    );
  });
});
