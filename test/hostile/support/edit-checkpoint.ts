import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

/** One tensor of a safetensors file. */
export interface StoredTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export interface EditedCheckpoint extends AsyncDisposable {
  readonly directory: string;
}

export interface CheckpointEdits {
  readonly config?: (config: Record<string, unknown>) => Record<string, unknown>;
  /** Changes the tensors in place. */
  readonly tensors?: (tensors: Map<string, StoredTensor>) => void;
}

/** Copies one of the fixtures' checkpoints and changes it. */
export async function editCheckpoint(name: string, edits: CheckpointEdits): Promise<EditedCheckpoint> {
  const source = fileURLToPath(new URL(`../../fixtures/checkpoints/${name}`, import.meta.url));
  const parent = await mkdtemp(join(tmpdir(), "infernode-edited-"));
  const directory = join(parent, basename(source));
  await cp(source, directory, { recursive: true });
  if (edits.config !== undefined) {
    const path = join(directory, "config.json");
    const config = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
    await writeFile(path, JSON.stringify(edits.config(config)));
  }
  if (edits.tensors !== undefined) {
    const path = join(directory, "model.safetensors");
    const tensors = parseSafetensors(await readFile(path));
    edits.tensors(tensors);
    await writeFile(path, formatSafetensors(tensors));
  }
  return { directory, [Symbol.asyncDispose]: () => rm(parent, { recursive: true, force: true }) };
}

/** A float32 tensor. */
export function float32Tensor(shape: readonly number[], valueAt: (index: number) => number): StoredTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const values = Float32Array.from({ length: count }, (_, index) => valueAt(index));
  return { dtype: "F32", shape, bytes: new Uint8Array(values.buffer) };
}

/** The numbers of a float32 tensor, which can be changed in place. */
export function numbersOf({ bytes }: StoredTensor): Float32Array {
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

function parseSafetensors(file: Buffer): Map<string, StoredTensor> {
  const dataStart = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString("utf8", 8, dataStart)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, data_offsets: range }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    // A copy, which is aligned.
    const bytes = Uint8Array.from(file.subarray(dataStart + range[0], dataStart + range[1]));
    tensors.set(name, { dtype, shape, bytes });
  }
  return tensors;
}

function formatSafetensors(tensors: ReadonlyMap<string, StoredTensor>): Buffer {
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, (offset += bytes.length)] };
  }
  const text = JSON.stringify(header);
  const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded, ...[...tensors.values()].map(({ bytes }) => bytes)]);
}
