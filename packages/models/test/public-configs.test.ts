import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { describeNetwork, ModelError, openConfig } from "../src/index.ts";
import { fixturesDirectory, repositoryDirectory } from "./support/fixtures.ts";
import { createMemoryFiles } from "./support/memory-files.ts";

interface PublicConfig {
  readonly name: string;
  /** `other`: of a family that is refused. */
  readonly group: "runs" | "quantized" | "other";
  readonly source: string;
  readonly config: Readonly<Record<string, unknown>>;
}

interface Judgement {
  readonly parameterCount: number;
  readonly kvElementsPerToken: number;
  readonly contextTokens: number;
  readonly isTied: boolean;
}

const readLines = (name: string): readonly unknown[] =>
  readFileSync(join(fixturesDirectory, "public-configs", name), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);

const configs = readLines("configs.jsonl") as readonly PublicConfig[];
/** By `transformers`, for the whole network in its own numbers. */
const judgements = new Map(
  (readLines("transformers.jsonl").slice(1) as readonly (Judgement & { readonly name: string })[]).map(
    ({ name, parameterCount, kvElementsPerToken, contextTokens, isTied }) => [
      name,
      { parameterCount, kvElementsPerToken, contextTokens, isTied },
    ],
  ),
);

/** What transformers loads and Infernode does not, and why. */
const differences: Readonly<Record<string, string>> = {
  "tiiuae/falcon-rw-1b": "positions by ALiBi",
};

/** The codes of quantized checkpoints that do not run. */
const refusedQuantizations: Readonly<Record<string, string>> = {
  "Qwen/Qwen3-235B-A22B-FP8": "UNSUPPORTED_QUANTIZATION",
  "Qwen/Qwen3-30B-A3B-FP8": "UNSUPPORTED_QUANTIZATION",
  "Qwen/Qwen3-32B-FP8": "UNSUPPORTED_QUANTIZATION",
  "nvidia/Qwen3-32B-FP8-Static-PerTensor": "UNSUPPORTED_QUANTIZATION",
  "meta-llama/Llama-3.1-405B-Instruct-FP8": "UNSUPPORTED_QUANTIZATION",
  "RedHatAI/Meta-Llama-3.1-8B-Instruct-FP8-dynamic": "UNSUPPORTED_QUANTIZATION",
  "unsloth/Meta-Llama-3.1-8B-bnb-4bit": "UNSUPPORTED_QUANTIZATION",
  "mistralai/Devstral-Small-2-24B-Instruct-2512": "UNSUPPORTED_QUANTIZATION",
};

/** The same as `transformers` says, or the code of the refusal. */
async function judge({ config }: PublicConfig): Promise<Judgement | string> {
  const files = createMemoryFiles({ "/config.json": JSON.stringify(config) });
  try {
    const model = describeNetwork(await openConfig("/config.json", { files }));
    return {
      parameterCount: model.parameterCount,
      kvElementsPerToken: model.kvBytesPerToken.f32 / 4,
      contextTokens: model.contextTokens,
      isTied: model.hasTiedEmbeddings,
    };
  } catch (error) {
    if (error instanceof ModelError) return error.code;
    throw error;
  }
}

const ofGroup = (group: PublicConfig["group"]): readonly PublicConfig[] =>
  configs.filter((each) => each.group === group);

describe("published configs", () => {
  it("are judged as transformers judges them, at least 95 of 100", async () => {
    const differing: string[] = [];
    for (const each of ofGroup("runs")) {
      const judgement = await judge(each);
      if (!isSame(judgement, judgements.get(each.name))) differing.push(each.name);
    }
    const total = ofGroup("runs").length;
    console.log(`${total - differing.length} of ${total} published configs are judged as transformers does`);
    expect(differing).toEqual(Object.keys(differences));
    expect(total).toBeGreaterThanOrEqual(100);
    expect(differing.length / total).toBeLessThanOrEqual(0.05);
    const page = readFileSync(join(repositoryDirectory, "docs", "models.md"), "utf8");
    expect(page).toMatch(`Of ${total} published configs`);
    expect(page).toMatch(`${total - differing.length} are judged as`);
  });

  it.each(ofGroup("quantized"))("$name: runs, or its quantization is refused by name", async (each) => {
    const expected = refusedQuantizations[each.name] ?? judgements.get(each.name);
    expect(await judge(each)).toEqual(expected);
  });

  it.each(ofGroup("other"))("$name: the family is refused by name", async (each) => {
    expect(await judge(each)).toBe("UNSUPPORTED_ARCHITECTURE");
  });
});

function isSame(ours: Judgement | string, theirs: Judgement | undefined): boolean {
  return JSON.stringify(ours) === JSON.stringify(theirs);
}
