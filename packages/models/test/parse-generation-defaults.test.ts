import { describe, expect, it } from "vitest";

import { parseGenerationDefaults } from "../src/index.ts";
import { expectModelError } from "./support/model-error.ts";

describe("parseGenerationDefaults", () => {
  it("takes over what is there and nothing else", () => {
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

  it("is greedy where the file says not to sample", () => {
    expect(parseGenerationDefaults({ do_sample: false, temperature: 0.7 })).toEqual({ temperature: 0 });
  });

  it("refuses numbers out of range by name", async () => {
    const error = await expectModelError("INVALID_CONFIG", () => parseGenerationDefaults({ top_p: 2 }));
    expect(error.message).toContain('generation_config.json: "top_p"');
    await expectModelError("INVALID_CONFIG", () => parseGenerationDefaults({ temperature: -1 }));
    await expectModelError("INVALID_CONFIG", () => parseGenerationDefaults({ top_k: 1.5 }));
  });
});
