import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { embeddedModelDirectory } from "@infernode/models";

export interface LongContextModel extends AsyncDisposable {
  readonly directory: string;
}

/** Copies the bundled model with a longer context in its config: its text is useless then, its speed is not. */
export async function makeLongContextModel(contextTokens: number): Promise<LongContextModel> {
  const parent = await mkdtemp(join(tmpdir(), "infernode-reliability-"));
  const directory = join(parent, "long-context");
  await cp(embeddedModelDirectory(), directory, { recursive: true });
  const path = join(directory, "config.json");
  const config = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
  await writeFile(path, JSON.stringify({ ...config, max_position_embeddings: contextTokens }));
  return {
    directory,
    [Symbol.asyncDispose]: () => rm(parent, { recursive: true, force: true }),
  };
}
