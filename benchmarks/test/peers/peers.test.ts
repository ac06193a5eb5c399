import { cp, mkdtemp, open, readFile, readdir, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCheckpoint } from "@infernode/models";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findLlamaLibraries } from "../../peers/models/llama-quantizer.ts";
import { findOpenVino } from "../../peers/peers/openvino.ts";
import type { PeerMeasure } from "../../peers/harness/results.ts";
import { runPeers, type PeersRun } from "./support/run-peers.ts";

const llama = findLlamaLibraries();
const openVino = findOpenVino(process.env);
const missing = [llama, openVino].flatMap((each) => ("missing" in each ? [each.missing] : []));
const isGguf = !("missing" in llama);
const peers = [
  ...(isGguf ? ["node-llama-cpp"] : []),
  "transformers.js",
  ...("missing" in openVino ? [] : ["openvino"]),
];
const without = missing.length === 0 ? "" : ` (skipped: ${missing.join("; ")})`;

let directory = "";
let cache = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "infernode-peers-"));
  cache = join(directory, "cache");
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const tiny = (...args: readonly string[]): Promise<PeersRun> =>
  runPeers(["--shape", "tiny", "--rounds", "1", "--cache", cache, ...args]);

describe.each([
  ["tiny", ["int8"], ["decode@128", "load", "memory", "first-load"]],
  ["tiny-tied", [isGguf ? "gguf" : "int8"], ["prefill@512"]],
])(`%s beside ${peers.join(", ")}${without}`, (shape, modes, names) => {
  let run: PeersRun;
  let measures: readonly PeerMeasure[] = [];
  beforeAll(async () => {
    const json = join(directory, `${shape}.json`);
    const lists = { shape: [shape], mode: modes, peer: peers, measure: names, json: [json] };
    run = await tiny(...Object.entries(lists).flatMap(([name, list]) => [`--${name}`, list.join(",")]));
    if (run.exitCode !== 0) throw new Error(run.stderr);
    ({ measures } = JSON.parse(await readFile(json, "utf8")) as { measures: PeerMeasure[] });
  });

  test("every engine predicts the same", () => {
    const lines = [...run.stderr.matchAll(/^infernode (\S+) and (\S+): (\d+) % of the 20 most likely/gm)];
    const shares = lines.map(([, mode, peer, share]) => ({ mode, peer, share: Number(share) }));
    expect(shares.map(({ mode, peer }) => `${mode} ${peer}`)).toEqual(
      modes.flatMap((mode) => peers.map((peer) => `${mode} ${peer}`)),
    );
    for (const { mode, peer, share } of shares) {
      // The same weights are computed with other roundings; else errors of both quantizations add up.
      const least = mode === "gguf" && peer === "node-llama-cpp" ? 95 : 65;
      expect(share, `${mode} and ${peer}`).toBeGreaterThanOrEqual(least);
    }
  });

  test("each measure is reported once for each mode and peer", () => {
    const keys = measures.map(({ name, mode, peer }) => `${name} ${mode} ${peer}`);
    const beside = (name: string): readonly string[] => (name === "first-load" ? ["none"] : peers);
    const expected = names.flatMap((name) =>
      modes.flatMap((mode) => beside(name).map((peer) => `${name} ${mode} ${peer}`)),
    );
    expect(keys.toSorted()).toEqual(expected.toSorted());
    const units: Record<string, string> = { load: "s", "first-load": "s", memory: "MiB" };
    for (const measure of measures) {
      const { name, mode, peer, ours, theirs } = measure;
      expect(ours).toBeGreaterThan(0);
      const isAlone = name === "first-load";
      const ratio = name in units ? theirs / ours : ours / theirs;
      expect(measure).toEqual({
        name,
        mode,
        peer,
        shape,
        unit: units[name] ?? "tokens/s",
        ours,
        theirs: isAlone ? null : expect.any(Number),
        ratio: isAlone ? null : expect.closeTo(ratio, 6),
      });
    }
  });

  test("the table has a row for each measure", () => {
    const rows = run.stdout.trim().split("\n").slice(2);
    expect(rows.map((row) => row.trim().split(/\s+/)[0])).toEqual(measures.map(({ name }) => name));
  });
});

describe.skipIf(!isGguf)(`a wrong file${without}`, () => {
  const file = (): string => join(cache, "tiny.r2-Q4_0.gguf");
  beforeAll(async () => {
    cache = join(directory, "wrong");
    await cp(join(directory, "cache"), cache, { recursive: true });
  });
  afterAll(() => {
    cache = join(directory, "cache");
  });

  test("one changed layer is refused", async () => {
    await swapHalves(file(), "model.layers.1.self_attn.o_proj.weight");
    await swapHalves(file(), "model.layers.1.mlp.down_proj.weight");
    const run = await tiny("--mode", "int8", "--peer", "node-llama-cpp", "--measure", "prefill@512");
    expect(run).toMatchObject({ exitCode: 1, stdout: "" });
    expect(run.stderr).toMatch(/infernode int8 and node-llama-cpp: expected 50 %, got \d+ % of the 20/);
  });

  test("a peer that does not start ends the run", async () => {
    await truncate(file(), 10_000);
    const run = await tiny("--mode", "int8", "--peer", "node-llama-cpp", "--measure", "prefill@512");
    expect(run).toMatchObject({ exitCode: 1, stdout: "" });
    expect(run.stderr).toMatch(/^peers: node-llama-cpp, open: /m);
  });
});

test("a peer that is not at hand is skipped, with the reason", async () => {
  const python = join(directory, "no-python");
  const run = await runPeers(
    ["--shape", "tiny", "--cache", cache, "--rounds", "1", "--peer", "openvino", "--measure", "load"],
    { INFERNODE_OPENVINO_PYTHON: python },
  );
  expect(run.exitCode).toBe(0);
  expect(run.stderr).toContain(`openvino is skipped: ${python} cannot import openvino`);
});

test("wrong options are refused before anything is written", async () => {
  const unused = join(directory, "unused");
  const run = await runPeers(["--shape", "tiny", "--cache", unused, "--measure", "speed"]);
  expect(run).toMatchObject({ exitCode: 2, stdout: "" });
  expect(run.stderr).toMatch(/^--measure: expected some of decode@128, .*, got 'speed'\n$/);
  expect(await readdir(directory)).not.toContain("unused");
});

/** Exchanges the halves of a tensor in its file. */
async function swapHalves(path: string, tensor: string): Promise<void> {
  const { weights } = await openCheckpoint(path);
  const { startByte, endByte } = weights.tensors.get(tensor)!;
  const bytes = await weights.read(tensor);
  await weights.close();
  const half = (endByte - startByte) / 2;
  const file = await open(path, "r+");
  await file.write(Buffer.concat([bytes.subarray(half), bytes.subarray(0, half)]), 0, 2 * half, startByte);
  await file.close();
}
