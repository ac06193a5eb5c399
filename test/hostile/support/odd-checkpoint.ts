import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const checkpointsDirectory = fileURLToPath(new URL("../../fixtures/checkpoints", import.meta.url));

type Json = Record<string, unknown>;

/** One tensor of a safetensors file, with its bytes. */
export interface StoredTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Buffer;
}

/** Makes an empty folder; it goes with the folder of the run. */
export function makeFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "infernode-odd-"));
}

/** Copies a checkpoint of the fixtures; the copy goes with the folder of the run. */
export async function copyCheckpoint(name: string): Promise<string> {
  const directory = join(await makeFolder(), name);
  await cp(join(checkpointsDirectory, name), directory, { recursive: true });
  return directory;
}

/** Changes a JSON file; one that is absent begins empty. */
export async function editJson(path: string, edit: (json: Json) => Json): Promise<void> {
  const text = await readFile(path, "utf8").catch(() => "{}");
  await writeFile(path, JSON.stringify(edit(JSON.parse(text) as Json)));
}

/** Sets fields of a JSON file. */
export function setFields(path: string, fields: Json): Promise<void> {
  return editJson(path, (json) => ({ ...json, ...fields }));
}

/** Writes a safetensors file. */
async function writeTensors(path: string, tensors: ReadonlyMap<string, StoredTensor>): Promise<void> {
  const header: Json = {};
  let offset = 0;
  for (const [name, { dtype, shape, data }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.length] };
    offset += data.length;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  await writeFile(path, Buffer.concat([length, text, ...[...tensors.values()].map(({ data }) => data)]));
}

/** Reads a safetensors file. */
async function readTensors(path: string): Promise<Map<string, StoredTensor>> {
  const file = await readFile(path);
  const start = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString("utf8", 8, start)) as Record<
    string,
    { readonly dtype: string; readonly shape: number[]; readonly data_offsets: readonly [number, number] }
  >;
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    tensors.set(name, { dtype, shape, data: file.subarray(start + offsets[0], start + offsets[1]) });
  }
  return tensors;
}

/** Changes tensors of a checkpoint in one file; `undefined` leaves one out. */
export async function editTensors(
  directory: string,
  edit: (name: string, tensor: StoredTensor) => StoredTensor | undefined,
): Promise<void> {
  const path = join(directory, "model.safetensors");
  const edited = new Map<string, StoredTensor>();
  for (const [name, tensor] of await readTensors(path)) {
    const changed = edit(name, tensor);
    if (changed !== undefined) edited.set(name, changed);
  }
  await writeTensors(path, edited);
}

/** Adds rows of zeros to the embedding and the head, as checkpoints with a padded vocabulary have. */
export async function padVocabulary(directory: string, rows: number): Promise<void> {
  await editTensors(directory, (_, tensor) => {
    const [count = 0, width] = tensor.shape;
    if (count !== 320 || width === undefined) return tensor;
    const rowBytes = tensor.data.length / count;
    const data = Buffer.concat([tensor.data, Buffer.alloc((rows - count) * rowBytes)]);
    return { ...tensor, shape: [rows, width], data };
  });
  await setFields(join(directory, "config.json"), { vocab_size: rows });
}
