// The same measurements with other software, where it is at hand.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { root } from "../session.mjs";
import { summarize } from "./kernel-device.mjs";

/** Products and attention with PyTorch, in a process of Python. */
export function measureTorch(options) {
  const program = fileURLToPath(new URL("torch-reference.py", import.meta.url));
  const device = options.isStandIn ? "cpu" : `cuda:${options.ordinal}`;
  const args = [program, device, ...(options.tiny ? ["tiny"] : [])];
  const { status, stdout, stderr, error } = spawnSync("python3", args, { encoding: "utf8" });
  if (error?.code === "ENOENT") return { status: "skipped", reason: "python3 is not installed" };
  assert.equal(status, 0, stderr);
  const { reason, version, figures } = JSON.parse(stdout.trim().split("\n").at(-1));
  if (reason !== undefined) return { status: "skipped", reason };
  return { version, figures: figures.map((figure) => Object.assign(figure, { by: "PyTorch" })) };
}

/**
 * Decode steps of a GGUF model with node-llama-cpp: `gguf` names one of 8B for the comparison, `llama-cpp` a folder where
 * npm has installed it. The checkout's own has no builds for CUDA.
 */
export async function measureLlamaCpp({ gguf, "llama-cpp": llamaCpp, isStandIn, tiny }) {
  const folder = llamaCpp === undefined ? join(root, "benchmarks") : resolve(llamaCpp);
  let path;
  try {
    path = createRequire(join(folder, "package.json")).resolve("node-llama-cpp");
  } catch {
    return { status: "skipped", reason: `node-llama-cpp is not installed in ${folder}` };
  }
  if (gguf === undefined) return { status: "skipped", reason: "no model was named with --gguf" };
  if (!existsSync(gguf)) return { status: "skipped", reason: `there is no ${gguf}` };
  const { getLlama, NoBinaryFoundError } = await import(pathToFileURL(path).href);
  const gpu = isStandIn ? false : "cuda";
  let llama;
  try {
    llama = await getLlama({ gpu, build: "never", logLevel: "error" });
  } catch (error) {
    if (!(error instanceof NoBinaryFoundError)) throw error;
    const reason = `node-llama-cpp in ${folder} has no build for CUDA that runs here (--llama-cpp)`;
    return { status: "skipped", reason };
  }
  const model = await llama.loadModel({ modelPath: gguf, gpuLayers: "max" });
  const figures = [];
  const steps = tiny ? 4 : 48;
  for (const streams of tiny ? [1] : [1, 8, 64]) {
    const context = await model.createContext({ contextSize: 768, sequences: streams });
    const sequences = Array.from({ length: streams }, () => context.getSequence());
    const startedAt = [];
    await Promise.all(
      sequences.map(async (sequence) => {
        const prompt = Array.from({ length: tiny ? 8 : 512 }, () => 1 + Math.floor(Math.random() * 1000));
        let count = 0;
        const tokens = sequence.evaluate(prompt);
        while (count <= steps && (await tokens.next()).done !== true) {
          startedAt[count] = performance.now();
          count += 1;
        }
        await tokens.return();
      }),
    );
    const times = startedAt.slice(1).map((at, step) => at - startedAt[step]);
    const { median, spread } = summarize(times);
    figures.push({
      what: `decode, ${streams} stream(s)`,
      value: (streams * 1000) / median,
      unit: "tokens/s",
      spread,
      by: "node-llama-cpp",
    });
    await context.dispose();
  }
  await llama.dispose();
  return { figures, gguf, backend: llama.gpu };
}
