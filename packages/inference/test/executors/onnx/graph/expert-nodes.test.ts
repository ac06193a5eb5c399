import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ModelConfig, StoredWeight } from "@infernode/models";
import { describe, expect, test } from "vitest";
import type { ExecutorModel } from "../../../../src/executors/executor-provider.ts";
import { OnnxDecoderBuilder } from "../../../../src/executors/onnx/graph/onnx-decoder-builder.ts";
import type { OnnxNode } from "../../../../src/executors/onnx/graph/onnx-graph.ts";
import { createOnnxExecutor } from "../../../../src/executors/onnx/index.ts";
import { PlainMemory } from "../../../support/plain-memory.ts";
import { openGolden } from "../../support/golden.ts";
import {
  createRandomCheckpoint,
  type RandomCheckpoint,
  tinyConfig,
} from "../../support/random-checkpoint.ts";

/** The operators of the branch that has the experts of the first layer with some, by how many there are. */
function countOperators({ architecture, config, weights }: ExecutorModel): Record<string, number> {
  const builder = new OnnxDecoderBuilder({ weight: (name) => weights.weight(name), locations: new Map() });
  const found: OnnxNode[][] = [];
  const add = builder.graph.addNode.bind(builder.graph);
  builder.graph.addNode = (node) => {
    const branch = node.attributes?.["then_branch"];
    if (node.inputs[0] === "has_tokens" && typeof branch === "object" && "graph" in branch) {
      found.push([...branch.graph.nodes]);
    }
    add(node);
  };
  architecture.build(config, builder);
  const counts: Record<string, number> = {};
  for (const { op } of found[0] ?? []) counts[op] = (counts[op] ?? 0) + 1;
  return counts;
}

test("products are a node for each expert, and what is done with every row alike is one", async () => {
  // Five experts of three matrices in bfloat16, which are read as float32.
  const counts = countOperators(await openGolden("mixtral"));
  expect(counts).toMatchObject({ Gemm: 15, Cast: 15, QuickGelu: 1, Mul: 1, Split: 2 });
});

const fiveExperts: ModelConfig = {
  ...tinyConfig,
  experts: {
    expertCount: 5,
    expertsPerToken: 2,
    intermediateSize: tinyConfig.intermediateSize,
    areWeightsNormalized: true,
    sharedIntermediateSize: undefined,
    hasInterleavedGateUp: false,
    swigluLimit: undefined,
    layers: [true, false],
  },
};

/** One matrix of one expert in another type, which takes a node that the others have not. */
async function withUnevenExperts({ model, directory, filePath }: RandomCheckpoint): Promise<ExecutorModel> {
  const name = "0.3.up";
  const weight = model.weights.weight(name);
  if (weight?.encoding !== "dense") throw new Error(`expected a dense weight ${name}`);
  const { data } = weight;
  const bytes = new Uint8Array(await readFile(filePath)).slice(data.startByte, data.endByte);
  const doubles = Float64Array.from(new Float32Array(bytes.buffer));
  const otherPath = path.join(directory, "doubles.bin");
  await writeFile(otherPath, new Uint8Array(doubles.buffer));
  const place = { filePath: otherPath, startByte: 0, endByte: doubles.byteLength };
  const other: StoredWeight = { ...weight, data: { ...data, dtype: "F64", ...place } };
  const read = (each: string): StoredWeight | undefined =>
    each === name ? other : model.weights.weight(each);
  return { ...model, weights: { ...model.weights, weight: read } };
}

describe("experts compute what the oracle does", () => {
  test.each([
    ["alike", false],
    ["one of which has another type of weights", true],
  ])("%s", async (_, isUneven) => {
    await using checkpoint = await createRandomCheckpoint(fiveExperts, 11);
    const model = isUneven ? await withUnevenExperts(checkpoint) : checkpoint.model;
    // The network has an MLP of the same kind beside the experts.
    expect(countOperators(model)["QuickGelu"]).toBe(isUneven ? 5 : 1);
    await using executor = await createOnnxExecutor({ model, memory: new PlainMemory(), maxSequences: 1 });
    const tokenIds = Int32Array.of(3, 5, 80, 11, 12, 7);
    const result = await executor.forward({
      chunkCount: 1,
      slots: Int32Array.of(0),
      startPositions: Int32Array.of(0),
      lengths: Int32Array.of(tokenIds.length),
      logitCounts: Int32Array.of(1),
      tokenIds,
    });
    const wanted = checkpoint.referenceLogits([...tokenIds]).at(-1)!;
    const largest = Math.max(...wanted.map(Math.abs));
    const worst = Math.max(...wanted.map((logit, at) => Math.abs(logit - result.row(0)[at]!)));
    expect(worst / largest).toBeLessThan(1e-5);
  });
});
