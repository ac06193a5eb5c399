import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { spawnDaemon } from "./support/spawn-daemon.ts";
import { hasExactMixedSums } from "../../packages/inference/src/executors/onnx/graph/mixed-sums.ts";

/** Has a command run with a file system of its own, mounted for it and its children alone. */
const withFileSystem = (size: string, directory: string): string =>
  `exec unshare -rm bash -c 'mount -t tmpfs -o size=${size} tmpfs ${directory} && "$@"' bash`;

const hasFileSystems = (directory: string): boolean =>
  spawnSync("bash", ["-c", `${withFileSystem("1m", directory)} true`]).status === 0;

let folder: string;
let expected: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "infernode-full-"));
  expected = await answer();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Run {
  /** Such as `3m`. [that of the machine] */
  readonly size?: string;
  /** Gets what is in the cache directory. */
  readonly onFiles?: (names: readonly string[]) => void;
  readonly log?: string;
}

/** Quantizes the bundled model and has it answer. */
async function answer({ size, onFiles, log = "/dev/null" }: Run = {}): Promise<string> {
  const args = ["--quantize", "int8", "--cache-dir", folder, "--log-format", "json"];
  const before = size === undefined ? "" : withFileSystem(size, folder);
  await using daemon = await spawnDaemon({ args, before, after: `2>>${log}` });
  await daemon.ready();
  onFiles?.(await readdir(`/proc/${daemon.child.pid}/root${folder}`));
  const response = await fetch(`${daemon.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "infernode-stories", prompt: "Once", max_tokens: 16, temperature: 0 }),
  });
  const { choices } = (await response.json()) as { readonly choices: readonly [{ readonly text: string }] };
  return choices[0].text;
}

const weightsFile = /^[\da-f]{32}\.safetensors$/;

// 2.1 MiB of weights; with a copy of what the runtime saves 6 MiB, and 4.4 MiB more once they are in one file.
describe.skipIf(!hasFileSystems(tmpdir()))("a cache on a file system that fills", () => {
  test.each([
    { when: "weights are quantized", size: "1m", warning: "quantized again at each start", kept: 0 },
    { when: "the runtime saves them", size: "4m", warning: "not kept in the order of this", kept: 1 },
    // Without VNNI the runtime packs no integers, and both files fit.
    ...(hasExactMixedSums()
      ? [
          {
            when: "both are written to one file",
            size: "8m",
            warning: "not kept in the order of this",
            kept: 1,
          },
        ]
      : []),
  ])("while $when: a warning, the same answer, and nothing in part", async ({ size, warning, kept }) => {
    const log = `${folder}.${size}.log`;
    let names: readonly string[] = ["not read"];
    const text = await answer({ size, log, onFiles: (each) => (names = each) });
    expect(text).toBe(expected);
    expect(names).toHaveLength(kept);
    for (const name of names) expect(name).toMatch(weightsFile);
    const warnings = (await readFile(log, "utf8")).split("\n").filter((line) => line.includes(warning));
    await rm(log);
    expect(warnings).toHaveLength(1);
  });
});
