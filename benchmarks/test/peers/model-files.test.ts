import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCheckpoint, quantizeCheckpoint, type Checkpoint } from "@infernode/models";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { measureMatrix } from "../../lib/block-weights.ts";
import { findLlamaLibraries } from "../../peers/models/llama-quantizer.ts";
import { prepareModelFiles, type ModelFiles } from "../../peers/models/prepare-model.ts";
import { readBfloat16 } from "../../peers/models/read-bfloat16.ts";
import { shapes, tensorsOf } from "../../peers/models/shapes.ts";

const libraries = findLlamaLibraries();
const without = "missing" in libraries ? ` (skipped: ${libraries.missing})` : "";

const workerUrl = new URL(
  "../../../packages/models/dist/weights/quantize/quantize-worker.js",
  import.meta.url,
);

/** Relative error of a matrix in blocks: 4 bits, or the 6 or 8 of a head. */
const expectedErrors = { Q4_0: [0.06, 0.12], Q6_K: [0.01, 0.03], Q8_0: [0.001, 0.01] } as const;

let cache = "";
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), "infernode-peers-"));
});
afterAll(() => rm(cache, { recursive: true, force: true }));

describe.skipIf(without !== "").each([
  ["tiny", { "model.embed_tokens.weight": "Q4_0", "lm_head.weight": "Q6_K" }],
  ["tiny-tied", { "model.embed_tokens.weight": "Q8_0" }],
] satisfies [string, Record<string, keyof typeof expectedErrors>][])(
  `the GGUF file of %s${without}`,
  (name, types: Readonly<Record<string, keyof typeof expectedErrors>>) => {
    const shape = shapes.find((each) => each.name === name)!;
    const { headDim } = shape;
    const isLlama = shape.family === "llama";
    const tensors = tensorsOf(shape);
    let files: ModelFiles;
    let source: Checkpoint;
    let gguf: Checkpoint;
    beforeAll(async () => {
      files = await prepareModelFiles(cache, shape, { formats: new Set(["gguf"]), say: () => {} });
      source = await openCheckpoint(files.directory);
      gguf = await openCheckpoint(files.ggufPath);
    });
    afterAll(async () => {
      await source.weights.close();
      await gguf.weights.close();
    });

    test("has the config of the directory", () => {
      expect(source.config.hasInterleavedRope).toBe(false);
      const { storedDtype } = gguf.config;
      const norm = { ...source.config.norm, epsilon: Math.fround(source.config.norm.epsilon) };
      const differences = { storedDtype, norm, hasInterleavedRope: isLlama };
      expect(gguf.config).toEqual({ ...source.config, ...differences });
    });

    test("has the types that llama.cpp's own tool gives by default", () => {
      const packings = tensors.map(({ name }) => {
        const weight = gguf.weights.weight(name)!;
        return [name, weight.encoding === "packed" ? weight.packing : weight.data.dtype];
      });
      const expected = tensors.map(({ name, shape }) => [name, shape.length === 1 ? "F32" : "Q4_0"]);
      expect(Object.fromEntries(packings)).toEqual({ ...Object.fromEntries(expected), ...types });
    });

    test("has the numbers of the directory, as far as its types allow", async () => {
      const plan = await quantizeCheckpoint(gguf, { quantization: undefined, directory: cache });
      await plan.prepare({ threadCount: 1, workerUrl });
      const wrong: string[] = [];
      for (const { name, role, shape } of tensors) {
        const weight = plan.weights.weight(name)!;
        const numbers = readBfloat16(source.weights.tensors.get(name)!);
        if (weight.encoding !== "block-quantized") {
          const bytes = await plan.weights.read(name);
          expect(new Float32Array(bytes.slice().buffer)).toEqual(numbers);
          continue;
        }
        const isRotated = isLlama && (role === "query" || role === "key");
        const { squaredError, square } = await measureMatrix(
          weight,
          isRotated ? asNeighbours(numbers, shape, headDim) : numbers,
        );
        const error = Math.sqrt(squaredError / square);
        const [least, most] = expectedErrors[types[name] ?? "Q4_0"];
        if (!(error > least && error < most)) wrong.push(`${name}: ${error}`);
      }
      expect(wrong).toEqual([]);
      await plan.weights.close();
    });
  },
);

/** Rows in llama.cpp's order: those that are rotated together, `i` and `i + headDim / 2` of a head, are neighbours. */
function asNeighbours(
  numbers: Float32Array,
  [rows = 0, columns = 0]: readonly number[],
  headDim: number,
): Float32Array {
  const ordered = new Float32Array(numbers.length);
  let at = 0;
  for (let head = 0; head < rows; head += headDim) {
    for (let pair = head; pair < head + headDim / 2; pair += 1) {
      for (const row of [pair, pair + headDim / 2]) {
        ordered.set(numbers.subarray(row * columns, (row + 1) * columns), at);
        at += columns;
      }
    }
  }
  return ordered;
}
