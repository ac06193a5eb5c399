import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface EndlessModel extends AsyncDisposable {
  readonly directory: string;
}

const source = fileURLToPath(new URL("../../fixtures/checkpoints/llama2", import.meta.url));
const eosTokenId = 2;

/** Zeroes the head's row of one token: its logit is 0 then, below the highest of the others. */
function silenceToken(file: Buffer, tokenId: number): void {
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString("utf8", 8, 8 + headerBytes)) as Record<
    string,
    { readonly shape: readonly number[]; readonly data_offsets: readonly [number, number] }
  >;
  const head = header["lm_head.weight"];
  if (head === undefined) throw new Error("the checkpoint has no head of its own");
  const rowBytes = 4 * (head.shape[1] ?? 0);
  const start = 8 + headerBytes + head.data_offsets[0] + tokenId * rowBytes;
  file.fill(0, start, start + rowBytes);
}

/** Makes a checkpoint of random weights with a long context: it babbles until it is stopped. */
export async function makeEndlessModel(contextTokens: number): Promise<EndlessModel> {
  const parent = await mkdtemp(join(tmpdir(), "infernode-endless-"));
  const directory = join(parent, "endless");
  await cp(source, directory, { recursive: true });
  const configPath = join(directory, "config.json");
  const config = JSON.parse(await readFile(configPath, "utf8")) as Record<string, unknown>;
  await writeFile(configPath, JSON.stringify({ ...config, max_position_embeddings: contextTokens }));
  const weightsPath = join(directory, "model.safetensors");
  const weights = await readFile(weightsPath);
  silenceToken(weights, eosTokenId);
  await writeFile(weightsPath, weights);
  return {
    directory,
    [Symbol.asyncDispose]: () => rm(parent, { recursive: true, force: true }),
  };
}
