import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { blockBytes, blockCount, zeroPointBytes } from "../../src/weights/block-layout.ts";
import { layoutOfGroups } from "../../src/weights/grouped/grouped-layout.ts";
import { quantizeMatrix } from "../../src/weights/quantize/quantize-matrix.ts";
import { planQuantizedFile } from "../../src/weights/quantize/quantized-file.ts";
import type { GroupedWeight, TensorInfo } from "../../src/index.ts";
import { fixturesDirectory } from "./fixtures.ts";

export interface EncodedTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Base64. */
  readonly data: string;
}

/** Those in groups, of `tools/reference/quantized_checkpoints.py`. */
export const quantizedNames = ["awq", "compressed-tensors", "gptq-act-order", "gptq-v2-8bit"] as const;

export function quantizedDirectory(name: string): string {
  return join(fixturesDirectory, "quantized", name);
}

/** Writes a weight in groups as an executor reads it, and returns what its blocks stand for, `(rows, columns)`. */
export async function dequantizeGroups(weight: GroupedWeight): Promise<Float32Array> {
  const directory = await mkdtemp(join(tmpdir(), "infernode-groups-"));
  try {
    const { layout, columnOrder } = layoutOfGroups(weight);
    const path = join(directory, "blocks.safetensors");
    const file = planQuantizedFile(path, [{ name: "m", source: weight, layout, columnOrder }], {});
    await writeFile(path, new Uint8Array(file.sizeBytes));
    const [matrix] = file.matrices;
    if (matrix === undefined) throw new Error("expected one matrix");
    const target = openSync(path, "r+");
    const sources = new Map<string, number>();
    quantizeMatrix(
      matrix,
      {
        openSource(sourcePath) {
          const opened = sources.get(sourcePath) ?? openSync(sourcePath, "r");
          sources.set(sourcePath, opened);
          return opened;
        },
        target,
      },
      () => undefined,
    );
    for (const each of [target, ...sources.values()]) closeSync(each);
    const bytes = await readFile(path);
    const read = ({ startByte, endByte }: TensorInfo): Uint8Array =>
      Uint8Array.from(bytes.subarray(startByte, endByte));
    const { scales, data, zeroPoints } = matrix.weight;
    const [rows = 0, columns = 0] = weight.shape;
    const numbers = read(data);
    const scaleValues = new Float32Array(read(scales).buffer);
    const zeros = zeroPoints && read(zeroPoints);
    const values = new Float32Array(rows * columns);
    const rowBytes = blockCount(columns, layout) * blockBytes(layout);
    const at = (source: Uint8Array, start: number, index: number): number =>
      layout.bits === 8
        ? (source[start + index] ?? Number.NaN)
        : ((source[start + (index >> 1)] ?? Number.NaN) >> (4 * (index & 1))) & 15;
    for (let row = 0; row < rows; row += 1) {
      for (let place = 0; place < columns; place += 1) {
        const block = Math.floor(place / layout.blockSize);
        const zero =
          zeros === undefined
            ? 2 ** (layout.bits - 1)
            : at(zeros, row * zeroPointBytes(columns, layout), block);
        const scale = scaleValues[row * blockCount(columns, layout) + block] ?? Number.NaN;
        const column = columnOrder?.[place] ?? place;
        values[row * columns + column] = scale * (at(numbers, row * rowBytes, place) - zero);
      }
    }
    return values;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

export function decodeBase64(data: string): Uint8Array {
  return Uint8Array.from(Buffer.from(data, "base64"));
}

export function readGoldenJson(name: string): unknown {
  return JSON.parse(readFileSync(join(fixturesDirectory, "golden", name), "utf8"));
}
