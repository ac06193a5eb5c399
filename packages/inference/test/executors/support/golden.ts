import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type AttentionOptions, type ModelConfig, openCheckpoint } from "@infernode/models";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";
import { summarizeNetwork } from "../../../src/executors/network/network-summary.ts";
import type { ConformanceCase, GoldenPrompt } from "../../../src/testing.ts";

const fixturesDirectory = fileURLToPath(new URL("../../../../../test/fixtures", import.meta.url));

interface GoldenFile {
  readonly checkpoint: string;
  readonly vocabSize: number;
  readonly logitsFile: string;
  readonly prompts: readonly {
    readonly tokens: readonly number[];
    readonly logits: {
      readonly offset: number;
      readonly shape: readonly [number, number];
      readonly firstPosition: number;
    };
    readonly greedy: readonly number[];
  }[];
}

/** Names of the checkpoints that have golden logits; other golden files are about text. */
export function goldenNames(): string[] {
  return readdirSync(path.join(fixturesDirectory, "golden"))
    .filter((file) => file.endsWith(".bin"))
    .map((file) => path.basename(file, ".bin"));
}

/** Results of `transformers` for a checkpoint's prompts; see test/fixtures/README.md. */
export function readGolden(name: string): GoldenPrompt[] {
  const directory = path.join(fixturesDirectory, "golden");
  const golden = JSON.parse(readFileSync(path.join(directory, `${name}.json`), "utf8")) as GoldenFile;
  const { buffer, byteOffset, length } = readFileSync(path.join(directory, golden.logitsFile));
  const floats = new Float32Array(buffer.slice(byteOffset, byteOffset + length));
  return golden.prompts.map(({ tokens, logits, greedy }) => ({
    tokenIds: tokens,
    firstPosition: logits.firstPosition,
    greedyTokenIds: greedy,
    logits: Array.from({ length: logits.shape[0] }, (_, row) => {
      const start = logits.offset + row * golden.vocabSize;
      return floats.subarray(start, start + golden.vocabSize);
    }),
  }));
}

const comparisonNames = [
  "computes the reference's logits after a whole prompt",
  "computes the reference's logits after every token, one token at a time",
  "continues greedily as the reference does",
];

/** Of the cases of executors, those that compare numbers with the reference's and nothing else. */
export function comparisons(cases: readonly ConformanceCase[]): readonly ConformanceCase[] {
  return comparisonNames.map((wanted) => {
    const found = cases.find(({ name }) => name === wanted);
    if (found === undefined) throw new Error(`expected a case "${wanted}"`);
    return found;
  });
}

/** Of the checkpoints with golden logits, the first of each kind. */
async function firstsBy(kindOf: (model: ExecutorModel) => string): Promise<ReadonlySet<string>> {
  const firsts = new Map<string, string>();
  for (const name of goldenNames()) {
    const kind = kindOf(await openGolden(name));
    if (!firsts.has(kind)) firsts.set(kind, name);
  }
  return new Set(firsts.values());
}

/** The first of each family. */
export function firstsOfFamilies(): Promise<ReadonlySet<string>> {
  return firstsBy(({ config }) => config.family);
}

/** The first of each kind of network: those whose attentions have the same features, sizes aside (head-sizes.test.ts). */
export function firstsOfKinds(
  features: (attention: AttentionOptions, config: ModelConfig) => readonly unknown[],
): Promise<ReadonlySet<string>> {
  return firstsBy((model) => {
    const found = summarizeNetwork(model).attentions.map((each) =>
      features(each, model.config).map((feature) => feature !== undefined && feature !== false),
    );
    return [...new Set(found.map(String))].toSorted().join(";");
  });
}

/** A checkpoint whose files are closed again: the executor opens them itself. */
export async function openGolden(name: string): Promise<ExecutorModel> {
  return openClosed(name, path.join(fixturesDirectory, "checkpoints", name));
}

/** Checkpoints of GPTQ, AWQ, compressed-tensors and MXFP4. */
export const quantizedNames = [
  "awq",
  "compressed-tensors",
  "gptq-act-order",
  "gptq-v2-8bit",
  "mxfp4",
] as const;

export async function openQuantized(name: (typeof quantizedNames)[number]): Promise<ExecutorModel> {
  return openClosed(name, path.join(fixturesDirectory, "quantized", name));
}

/** Logits of `transformers` with the dequantized weights, for the last token of each prompt. */
export function readQuantizedGolden(
  name: string,
): readonly { readonly tokens: readonly number[]; readonly logits: Float32Array }[] {
  const file = path.join(fixturesDirectory, "quantized", name, "golden.json");
  const { prompts } = JSON.parse(readFileSync(file, "utf8")) as {
    readonly prompts: readonly {
      readonly tokens: readonly number[];
      readonly logits: { readonly data: string };
    }[];
  };
  return prompts.map(({ tokens, logits }) => ({
    tokens,
    logits: new Float32Array(Uint8Array.from(Buffer.from(logits.data, "base64")).buffer),
  }));
}

async function openClosed(name: string, directory: string): Promise<ExecutorModel> {
  const { config, architecture, weights } = await openCheckpoint(directory);
  await weights.close();
  return { name, config, architecture, weights };
}
