import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type {
  Architecture,
  DecoderBuilder,
  ModelConfig,
  StoredWeight,
  TensorInfo,
  WeightRef,
} from "@infernode/models";
import { createRandom } from "../../../../../benchmarks/lib/random.ts";
import { NetworkSummary } from "../../../src/executors/network/network-summary.ts";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";
import { ReferenceForward, type ReferenceSource } from "./reference-forward.ts";

/** Everything an architecture can have, in the smallest sizes that still tell heads and layers apart. */
export const tinyConfig: ModelConfig = {
  family: "llama",
  architecture: "LlamaForCausalLM",
  vocabSize: 89,
  hiddenSize: 48,
  intermediateSize: 72,
  layerCount: 2,
  headCount: 4,
  kvHeadCount: 2,
  headDim: 16,
  norm: { kind: "rms", epsilon: 1e-5, weightOffset: 0, hasBias: false },
  activation: "silu",
  rotaries: [{ dim: 16, theta: 10_000, scaling: { type: "none" } }],
  layerRotary: [0, 0],
  hasPositionTable: false,
  hasInterleavedRope: false,
  contextTokens: 64,
  slidingWindowTokens: [undefined, undefined],
  attentionScale: 16 ** -0.5,
  queryScaling: undefined,
  attentionSoftCap: undefined,
  logitSoftCap: undefined,
  scales: { embedding: 1, residual: 1, logits: 1 },
  hasTiedEmbeddings: false,
  hasHeadBias: false,
  hasAttentionBias: { qkv: true, output: false },
  fusedQkvGroupCount: undefined,
  hasAttentionSinks: false,
  hasMlpBias: false,
  hasParallelBlocks: false,
  hasAttentionNorm: false,
  qkNorm: "head",
  experts: undefined,
  eosTokenIds: [2],
  bosTokenId: 1,
  storedDtype: "F32",
};

/** A Llama-like network, built from the config. Norms of queries and keys have biases too where others do. */
export const plainArchitecture: Architecture = {
  name: "plain",
  build<T>(config: ModelConfig, builder: DecoderBuilder<T>): void {
    const { hiddenSize, intermediateSize, headCount, kvHeadCount, headDim, vocabSize, scales } = config;
    const embedding = { name: "embedding", shape: [vocabSize, hiddenSize] };
    const norm = (value: T, name: string, size: number): T => {
      const weight = { name, shape: [size] };
      const bias = config.norm.hasBias ? { name: `${name}.bias`, shape: [size] } : undefined;
      return builder.norm(value, { weight, bias }, config.norm);
    };
    let x = builder.scale(builder.embed(embedding), scales.embedding);
    for (let layer = 0; layer < config.layerCount; layer += 1) {
      const ref = (name: string, ...shape: number[]): WeightRef => ({ name: `${layer}.${name}`, shape });
      const normed = norm(x, `${layer}.norm1`, hiddenSize);
      const project = (name: string, heads: number): T =>
        builder.linear(
          normed,
          ref(name, heads * headDim, hiddenSize),
          config.hasAttentionBias.qkv ? ref(`${name}.bias`, heads * headDim) : undefined,
        );
      const normOf = (value: T, name: string, heads: number): T => {
        const { qkNorm } = config;
        if (qkNorm === "none") return value;
        if (qkNorm === "head") return norm(value, `${layer}.${name}`, headDim);
        if (qkNorm === "projection") return norm(value, `${layer}.${name}`, heads * headDim);
        const listed = Array.from({ length: heads }, (_, head) => ref(`${name}.${head}`, headDim));
        const weight = qkNorm === "stacked" ? ref(name, heads, headDim) : listed;
        return builder.norm(value, { weight }, config.norm);
      };
      const index = config.layerRotary[layer];
      const attended = builder.attention(
        {
          q: normOf(project("q", headCount), "qNorm", headCount),
          k: normOf(project("k", kvHeadCount), "kNorm", kvHeadCount),
          v: project("v", kvHeadCount),
        },
        {
          layerIndex: layer,
          headCount,
          kvHeadCount,
          headDim,
          scale: config.attentionScale,
          queryScaling: config.queryScaling,
          softCap: config.attentionSoftCap,
          slidingWindowTokens: config.slidingWindowTokens[layer],
          sinks: config.hasAttentionSinks ? ref("sinks", headCount) : undefined,
          rotary:
            index === undefined
              ? undefined
              : {
                  index,
                  dim: config.rotaries[index]!.dim,
                  isInterleaved: config.hasInterleavedRope,
                  isByLength: false,
                },
        },
      );
      x = builder.add(x, builder.linear(attended, ref("o", hiddenSize, headCount * headDim)));
      const mlp = norm(x, `${layer}.norm2`, hiddenSize);
      const gated = (value: T, prefix: string): T => {
        const gate = builder.linear(value, ref(`${prefix}gate`, intermediateSize, hiddenSize));
        const up = builder.linear(value, ref(`${prefix}up`, intermediateSize, hiddenSize));
        const product = builder.multiply(builder.activate(gate, config.activation), up);
        return builder.linear(product, ref(`${prefix}down`, hiddenSize, intermediateSize));
      };
      x = builder.add(x, gated(mlp, ""));
      if (config.experts?.layers[layer] !== true) continue;
      const logits = builder.linear(mlp, ref("router", config.experts.expertCount, hiddenSize));
      const share = builder.activate(builder.linear(mlp, ref("share", 1, hiddenSize)), "sigmoid");
      const routed = builder.experts(mlp, { ...config.experts, logits }, (rows, index) =>
        gated(rows, `${index}.`),
      );
      x = builder.add(x, builder.multiply(routed, share));
    }
    const head = config.hasTiedEmbeddings ? embedding : { name: "head", shape: [vocabSize, hiddenSize] };
    builder.logits(norm(x, "norm", hiddenSize), head, { softCap: config.logitSoftCap });
  },
};

export interface RandomCheckpoint extends AsyncDisposable {
  readonly model: ExecutorModel;
  readonly directory: string;
  readonly filePath: string;
  /** `(tokens, vocabSize)` by the double-precision oracle. */
  referenceLogits(tokenIds: readonly number[], kvSteps?: ReferenceSource["kvSteps"]): Float64Array[];
}

/** Writes seeded float32 weights to a file of a fresh folder; removed by dispose. */
export async function createRandomCheckpoint(config: ModelConfig, seed: number): Promise<RandomCheckpoint> {
  const summary = new NetworkSummary();
  plainArchitecture.build(config, summary);
  const directory = await mkdtemp(path.join(os.tmpdir(), "infernode-checkpoint-"));
  const filePath = path.join(directory, "model.safetensors");
  const random = createRandom(seed);
  const values = new Map<string, Float32Array>();
  const tensors = new Map<string, TensorInfo>();
  const parts: Uint8Array[] = [new Uint8Array(8)];
  let offset = 8;
  for (const { ref, use } of summary.weights) {
    if (values.has(ref.name)) continue;
    const count = ref.shape.reduce((product, size) => product * size, 1);
    const data = new Float32Array(count);
    const isNorm = use === "vector" && /norm/i.test(ref.name);
    const spread = use === "embedding" ? 1 : 1.5 / Math.sqrt(ref.shape[1] ?? 4);
    for (let i = 0; i < count; i += 1) data[i] = isNorm ? 0.5 + random() : gaussian(random) * spread;
    values.set(ref.name, data);
    tensors.set(ref.name, {
      name: ref.name,
      dtype: "F32",
      shape: ref.shape,
      filePath,
      startByte: offset,
      endByte: offset + data.byteLength,
    });
    parts.push(new Uint8Array(data.buffer));
    offset += data.byteLength;
  }
  await writeFile(filePath, Buffer.concat(parts));
  const weights = {
    tensors,
    totalBytes: offset - 8,
    parameterCount: (offset - 8) / 4,
    weight(name: string): StoredWeight | undefined {
      const data = tensors.get(name);
      return data === undefined ? undefined : { encoding: "dense", shape: data.shape, data };
    },
    read: () => Promise.reject(new Error("the executor reads weights from their files")),
    readRange: () => Promise.reject(new Error("the executor reads weights from their files")),
    close: () => Promise.resolve(),
  };
  return {
    directory,
    filePath,
    model: { name: "random", config, architecture: plainArchitecture, weights },
    referenceLogits: (tokenIds, kvSteps) => {
      const read = (ref: WeightRef): Float64Array => Float64Array.from(values.get(ref.name) ?? []);
      const reference = new ReferenceForward(tokenIds, config, { read, ...(kvSteps && { kvSteps }) });
      plainArchitecture.build(config, reference);
      if (reference.result === undefined) throw new Error("the network ended without logits");
      const { data, width, rows } = reference.result;
      return Array.from({ length: rows }, (_, row) => data.subarray(row * width, (row + 1) * width));
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
