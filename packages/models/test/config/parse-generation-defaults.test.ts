import { describe, expect, it } from "vitest";

import { parseGenerationDefaults } from "../../src/index.ts";
import { expectModelError } from "../support/model-error.ts";

describe("parseGenerationDefaults", () => {
  it("reads the fields that are there and no others", () => {
    expect(
      parseGenerationDefaults({ do_sample: true, temperature: 0.6, top_p: 0.95, top_k: 20, min_p: 0 }),
    ).toEqual({
      temperature: 0.6,
      topP: 0.95,
      topK: 20,
      minP: 0,
    });
    expect(parseGenerationDefaults({ repetition_penalty: 1.1, max_new_tokens: 2048 })).toEqual({
      repetitionPenalty: 1.1,
      maxNewTokens: 2048,
    });
    expect(parseGenerationDefaults(undefined)).toEqual({});
  });

  it("is greedy where do_sample is false", () => {
    expect(parseGenerationDefaults({ do_sample: false, temperature: 0.7 })).toEqual({ temperature: 0 });
  });

  it("disables top_k where it is -1", () => {
    expect(parseGenerationDefaults({ top_k: -1 })).toEqual({ topK: 0 });
  });

  it.each([
    [{ temperature: 5 }, '"temperature": expected a number from 0 to 2, got 5'],
    [{ top_p: 0 }, '"top_p": expected a number above 0 and at most 1, got 0'],
    [{ min_p: 1.5 }, '"min_p": expected a number from 0 to 1, got 1.5'],
    [{ repetition_penalty: 0 }, '"repetition_penalty": expected a number from 0.01 to 100, got 0'],
    [{ top_k: -2 }, '"top_k": expected an integer from -1 to 2147483647, got -2'],
    [{ max_new_tokens: 0 }, '"max_new_tokens": expected an integer from 1 to 9007199254740991, got 0'],
  ])("says which numbers it takes: %j", async (json, message) => {
    const error = await expectModelError("INVALID_CONFIG", () => parseGenerationDefaults(json));
    expect(error.message).toBe(`generation_config.json: ${message}`);
  });

  it("refuses numbers out of range and names the field", async () => {
    const error = await expectModelError("INVALID_CONFIG", () => parseGenerationDefaults({ top_p: 2 }));
    expect(error.message).toContain('generation_config.json: "top_p"');
    await expectModelError("INVALID_CONFIG", () => parseGenerationDefaults({ temperature: -1 }));
    await expectModelError("INVALID_CONFIG", () => parseGenerationDefaults({ top_k: 1.5 }));
  });
});
