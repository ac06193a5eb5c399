import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { BlockQuantizedWeight } from "@infernode/models";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OnnxGraph } from "../../../../src/executors/onnx/graph/onnx-graph.ts";
import { RowProducts } from "../../../../src/executors/onnx/graph/row-products.ts";
import { openRuntime } from "../../../../src/executors/onnx/runtime/open-runtime.ts";
import type { OnnxRuntime } from "../../../../src/executors/onnx/runtime/runtime.ts";

const rows = 24;
const columns = 64;
/** The largest integers of both signs, where sums of pairs leave 16 bits. */
const integers: Int8Array = Int8Array.from({ length: rows * columns }, (_, at) =>
  at % 3 === 0 ? 127 : at % 3 === 1 ? -127 : ((at * 37) % 255) - 127,
);
const scales: Float32Array = Float32Array.from({ length: rows }, (_, row) => (row + 1) / 1000);

let directory = "";
let runtime: OnnxRuntime;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "infernode-rows-"));
  const filePath = path.join(directory, "weight.bin");
  const stored = integers.map((_each, at) => integers[(at % rows) * columns + Math.floor(at / rows)]!);
  await writeFile(filePath, Buffer.concat([new Uint8Array(scales.buffer), new Uint8Array(stored.buffer)]));
  ({ runtime } = await openRuntime("auto", () => {}));
});
afterAll(async () => {
  runtime.dispose();
  await rm(directory, { recursive: true, force: true });
});

/** Multiplies rows of inputs with the weight. */
async function multiply(
  x: Float32Array,
  { rotation, hasExactSums }: { readonly rotation: number; readonly hasExactSums?: boolean },
): Promise<Float32Array> {
  const graph = new OnnxGraph();
  const node = (op: string, inputs: readonly string[], more: { readonly output?: string } = {}): string => {
    const { output = `${op}.${graph.nodeCount}`, ...details } = more;
    graph.addNode({ op, inputs, outputs: [output], ...details });
    return output;
  };
  const shapeOf = (shape: readonly number[]): string =>
    graph.addShapeConstant(`shape:${shape.join()}`, shape);
  const products = new RowProducts(
    {
      node,
      reshape: (value, shape) => node("Reshape", [value, shapeOf(shape)]),
      integers: shapeOf,
      constant: (name, view, data) => graph.addConstant(name, view, data),
      tensor: ({ name, startByte, endByte }, view) =>
        graph.addExternalTensor({
          name,
          ...view,
          location: "weight.bin",
          offsetBytes: startByte,
          lengthBytes: endByte - startByte,
        }),
    },
    hasExactSums,
  );
  const filePath = path.join(directory, "weight.bin");
  const dataStart = scales.byteLength;
  const weight: BlockQuantizedWeight = {
    encoding: "block-quantized",
    shape: [rows, columns],
    bits: 8,
    blockSize: columns,
    scales: { name: "scales", dtype: "F32", shape: [rows], filePath, startByte: 0, endByte: dataStart },
    data: {
      name: "data",
      dtype: "I8",
      shape: [columns, rows],
      filePath,
      startByte: dataStart,
      endByte: dataStart + integers.byteLength,
    },
    rotation,
  };
  graph.addInput({ name: "x", dtype: "float32", shape: ["M", columns] });
  products.product("x", weight, { output: "y" });
  graph.addOutput({ name: "y", dtype: "float32", shape: ["M", rows] });
  const session = await runtime.createSession(graph.toModel(), {
    threadCount: 2,
    weightsDirectory: directory,
  });
  const count = x.length / columns;
  const y = new Float32Array(count * rows);
  const call = session.bind(
    [{ name: "x", dtype: "float32", shape: [count, columns], bytes: new Uint8Array(x.slice().buffer) }],
    [{ name: "y", dtype: "float32", shape: [count, rows], bytes: new Uint8Array(y.buffer) }],
  );
  await call.run();
  call.dispose();
  await session.dispose();
  return y;
}

/** Inputs of which every integer of 8 bits is exact. */
const whole: Float32Array = Float32Array.from({ length: columns }, (_, at) =>
  at === 0 ? 127 : at % 2 === 0 ? 126 : -((at * 29) % 128),
);

describe.each([
  ["with a sign", undefined],
  ["without a sign, for processors whose mixed sums overflow", false],
] as const)("integers %s", (_title, hasExactSums) => {
  const exactness = hasExactSums === undefined ? {} : { hasExactSums };

  test("have exact sums", async () => {
    const found = await multiply(whole, { rotation: 1, ...exactness });
    const wanted = Array.from(scales, (scale, row) => {
      const line = integers.subarray(row * columns, (row + 1) * columns);
      return line.reduce((sum, value, column) => sum + value * whole[column]!, 0) * scale;
    });
    for (const [row, value] of wanted.entries()) {
      expect(Math.abs(found[row]! - value)).toBeLessThanOrEqual(Math.abs(value) * 1e-6);
    }
  });

  test("a row is the same alone and among others, and a row of zeros is zeros", async () => {
    const lines = Array.from({ length: 37 }, (_, line) =>
      Float32Array.from({ length: columns }, (__, at) =>
        line === 5 ? 0 : Math.sin(line * 1000 + at * 1.7) * 10 ** ((line % 9) - 4),
      ),
    );
    const together = await multiply(Float32Array.from(lines.flatMap((line) => [...line])), {
      rotation: 16,
      ...exactness,
    });
    for (const [line, values] of lines.entries()) {
      const alone = await multiply(values, { rotation: 16, ...exactness });
      expect(together.subarray(line * rows, (line + 1) * rows)).toEqual(alone);
    }
    expect(together.subarray(5 * rows, 6 * rows).every((value) => Math.abs(value) === 0)).toBe(true);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("a row with %s changes no other", async (broken) => {
    const x = new Float32Array([...whole, ...whole]);
    x[3] = broken;
    const found = await multiply(x, { rotation: 16, ...exactness });
    expect(found.subarray(rows)).toEqual(await multiply(whole, { rotation: 16, ...exactness }));
    expect(found.subarray(0, rows).some(Number.isFinite)).toBe(false);
  });
});
