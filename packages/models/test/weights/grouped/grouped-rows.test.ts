import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { readQuantization } from "../../../src/formats/hf-directory/quantized/read-quantization.ts";
import { createAssembler } from "../../../src/formats/hf-directory/quantized/assemble-weights.ts";
import { type GroupedWeight, openWeightIndex } from "../../../src/index.ts";
import { layoutOfGroups } from "../../../src/weights/grouped/grouped-layout.ts";
import {
  decodeBase64,
  dequantizeGroups,
  type EncodedTensor,
  readGoldenJson,
} from "../../support/quantized-checkpoint.ts";
import { type TestTensor, writeSafetensors } from "../../support/safetensors.ts";

interface Case {
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: Readonly<Record<string, EncodedTensor>>;
  readonly values: EncodedTensor;
}

const { cases } = readGoldenJson("quantized-words.json") as { readonly cases: readonly Case[] };

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "infernode-words-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function openModule(
  tensors: Readonly<Record<string, TestTensor>>,
  config: Readonly<Record<string, unknown>>,
): Promise<GroupedWeight> {
  const named = Object.entries(tensors).map(([name, tensor]) => [`m.${name}`, tensor]);
  await writeFile(join(directory, "model.safetensors"), writeSafetensors(Object.fromEntries(named)));
  const declared = readQuantization({ quantization_config: config }, "config.json");
  const assemble = createAssembler({ declared, readOther: async () => undefined });
  const index = await openWeightIndex(directory, { assemble });
  await index.close();
  const weight = index.weight("m.weight");
  if (weight?.encoding !== "grouped") throw new Error("expected a weight in groups");
  return weight;
}

function decode({ dtype, shape, data }: EncodedTensor): TestTensor {
  return { dtype, shape, data: decodeBase64(data) };
}

const titleOf = ({ config, tensors }: Case): string =>
  [JSON.stringify(config), ...Object.keys(tensors)].join(" ");

describe("the numbers of the programs that write the words", () => {
  test.each(cases.map((each) => [titleOf(each), each] as const))("%s", async (_title, golden) => {
    const tensors = Object.entries(golden.tensors).map(([name, tensor]) => [name, decode(tensor)]);
    const weight = await openModule(Object.fromEntries(tensors), golden.config);
    const wanted = new Float32Array(decodeBase64(golden.values.data).buffer as ArrayBuffer);
    expect(weight.shape).toEqual(golden.values.shape);
    expect(layoutOfGroups(weight).isExact).toBe(true);
    expect(await dequantizeGroups(weight)).toEqual(wanted);
  });
});

/** A module of GPTQ whose integers, zero points and scales are all different enough. */
function randomGptq(rows: number, columns: number, groupSize: number): Record<string, TestTensor> {
  let state = 12_345;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
  };
  const words = (count: number): Uint8Array =>
    new Uint8Array(Uint32Array.from({ length: count }, next).buffer);
  const groups = columns / groupSize;
  const scales = Float32Array.from({ length: groups * rows }, () => (1 + (next() >>> 24)) / 256);
  return {
    qweight: { dtype: "I32", shape: [columns / 8, rows], data: words((columns / 8) * rows) },
    qzeros: { dtype: "I32", shape: [groups, rows / 8], data: words((groups * rows) / 8) },
    scales: { dtype: "F32", shape: [groups, rows], data: new Uint8Array(scales.buffer) },
  };
}

const gptq = (groupSize: number) => ({
  quant_method: "gptq",
  checkpoint_format: "gptq_v2",
  bits: 4,
  group_size: groupSize,
});

/** The numbers of `randomGptq`, computed one by one. */
function valueAt(tensors: Record<string, TestTensor>, groupSize: number, rows: number) {
  const view = (name: string): DataView<ArrayBuffer> =>
    new DataView(Uint8Array.from(tensors[name]?.data ?? []).buffer);
  const [data, zeros, scales] = [view("qweight"), view("qzeros"), view("scales")];
  return (row: number, column: number): number => {
    const group = Math.floor(column / groupSize);
    const q = (data.getUint32(4 * ((column >> 3) * rows + row), true) >>> (4 * (column & 7))) & 15;
    const zero = (zeros.getUint32(4 * (group * (rows / 8) + (row >> 3)), true) >>> (4 * (row & 7))) & 15;
    return scales.getFloat32(4 * (group * rows + row), true) * (q - zero);
  };
}

test("a matrix of several windows is read as a whole one", async () => {
  const [rows, columns] = [72, 2 ** 16];
  const tensors = randomGptq(rows, columns, 128);
  const values = await dequantizeGroups(await openModule(tensors, gptq(128)));
  const wanted = valueAt(tensors, 128, rows);
  for (let at = 0; at < values.length; at += 997) {
    expect(values[at]).toBe(Math.fround(wanted(Math.floor(at / columns), at % columns)));
  }
});

test.each([
  [96, 32],
  [512, 256],
  [16, 16],
  [1024, 256],
])("groups of %i columns are blocks of %i", async (groupSize, blockSize) => {
  const rows = 16;
  const tensors = randomGptq(rows, 3 * groupSize, groupSize);
  const weight = await openModule(tensors, gptq(groupSize));
  expect(layoutOfGroups(weight)).toMatchObject({ isExact: true, layout: { bits: 4, blockSize } });
  const wanted = valueAt(tensors, groupSize, rows);
  const values = await dequantizeGroups(weight);
  expect(values).toEqual(
    values.map((_, at) => wanted(Math.floor(at / (3 * groupSize)), at % (3 * groupSize))),
  );
});

test.each([8, 24])("groups of %i columns are quantized again with 8 bits", async (groupSize) => {
  const [rows, columns] = [16, 192];
  const tensors = randomGptq(rows, columns, groupSize);
  const weight = await openModule(tensors, gptq(groupSize));
  expect(layoutOfGroups(weight)).toMatchObject({ isExact: false, layout: { bits: 8, blockSize: 32 } });
  const wanted = valueAt(tensors, groupSize, rows);
  // Half a step of the widest block: 15 is the largest distance from a zero point, 1 the largest scale.
  const step = 15 / 127 / 2 + 1e-6;
  for (const [at, value] of (await dequantizeGroups(weight)).entries()) {
    expect(Math.abs(value - wanted(Math.floor(at / columns), at % columns))).toBeLessThanOrEqual(step);
  }
});
