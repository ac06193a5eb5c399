import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const adaptersDirectory = fileURLToPath(new URL("../../../../../test/fixtures/adapters", import.meta.url));

/** Logits of `peft` after the last token of each prompt. */
export interface AdapterGolden {
  readonly checkpoint: string;
  readonly prompts: readonly { readonly tokens: readonly number[]; readonly logits: Float32Array }[];
}

/** Names of the adapters that have golden values. */
export function adapterNames(): readonly string[] {
  return readdirSync(adaptersDirectory);
}

export function adapterDirectory(name: string): string {
  return path.join(adaptersDirectory, name);
}

export function readAdapterGolden(name: string): AdapterGolden {
  const { checkpoint, prompts } = JSON.parse(
    readFileSync(path.join(adapterDirectory(name), "golden.json"), "utf8"),
  ) as {
    readonly checkpoint: string;
    readonly prompts: readonly { readonly tokens: readonly number[]; readonly logits: string }[];
  };
  return {
    checkpoint,
    prompts: prompts.map(({ tokens, logits }) => ({
      tokens,
      logits: new Float32Array(Uint8Array.from(Buffer.from(logits, "base64")).buffer),
    })),
  };
}
