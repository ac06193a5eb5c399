import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeSafetensors, zeros, type TestTensor } from "../../packages/models/test/support/safetensors.ts";
import { openCudaMachine } from "./support/cuda-machine.ts";
import { runCli } from "./support/run-cli.ts";
import { runCommand } from "./support/run-command.ts";
import { startForTest } from "./support/start-for-test.ts";

const bundled = fileURLToPath(new URL("../../packages/models/embedded/infernode-stories", import.meta.url));
const gpuTitle =
  "on a GPU auto leaves weights as they are, and tensor cores multiply those of 16 bits and int8";
const gpu = openCudaMachine(gpuTitle);
let directory = "";
let wide = "";

/** The bundled model with another width of the MLP and weights of zeros: large enough to gain. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "infernode-auto-"));
  wide = join(directory, "wide");
  await cp(bundled, wide, { recursive: true });
  const configPath = join(wide, "config.json");
  const config = JSON.parse(await readFile(configPath, "utf8")) as {
    readonly hidden_size: number;
    readonly intermediate_size: number;
  };
  const width = 2048;
  await writeFile(configPath, JSON.stringify({ ...config, intermediate_size: width }));
  const file = await readFile(join(bundled, "model.safetensors"));
  const header = file.subarray(8, 8 + Number(file.readBigUInt64LE(0))).toString();
  const tensors = Object.entries(JSON.parse(header) as Record<string, { readonly shape: readonly number[] }>);
  const widened = tensors.flatMap(([name, { shape }]): [string, TestTensor][] =>
    name === "__metadata__"
      ? []
      : [
          [
            name,
            zeros(
              "BF16",
              shape.map((size) => (size === config.intermediate_size ? width : size)),
            ),
          ],
        ],
  );
  await writeFile(join(wide, "model.safetensors"), writeSafetensors(Object.fromEntries(widened)));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

interface Described {
  readonly quantization: string;
  readonly memoryPlan: { readonly weightsBytes: number };
}

async function inspect(model: string, ...args: readonly string[]): Promise<Described> {
  const { stdout } = await runCommand(["models", "inspect", model, "--json", ...args]);
  return JSON.parse(stdout) as Described;
}

test("auto is int8 where the dense matrices are large, and leaves a small model as it is stored", async () => {
  const chosen = await inspect(wide);
  const stored = await inspect(wide, "--quantize", "none");
  expect([chosen.quantization, stored.quantization]).toEqual(["int8", "none"]);
  expect(chosen.memoryPlan.weightsBytes).toBeLessThan(stored.memoryPlan.weightsBytes / 2);
  expect((await inspect("embedded")).quantization).toBe("none");
  expect((await inspect("embedded", "--quantize", "int4")).quantization).toBe("int4");
  expect((await runCommand(["models", "inspect", wide])).stdout).toMatch(/computed as\s+int8/);
  expect((await runCommand(["doctor", "--model", wide])).stdout).toMatch(
    /wide, llama, .* parameters as int8/,
  );
});

test("the daemon says in its log and its list of models what auto chose", async () => {
  const cache = join(directory, "cache");
  const daemon = await startForTest({ args: ["--model", wide, "--cache-dir", cache] });
  expect(await (await fetch(`${daemon.url}/v1/models`)).json()).toMatchObject({
    data: [{ id: "wide", quantization: "int8" }],
  });
  expect(daemon.logs.find(({ msg }) => msg === "model loaded")).toMatchObject({ quantization: "int8" });
  expect(await readdir(cache)).not.toEqual([]);
});

test.skipIf("reason" in gpu)(gpuTitle, async () => {
  const environment = "reason" in gpu ? {} : gpu.environment;
  const inspectOnGpu = async (...args: readonly string[]): Promise<unknown> => {
    const all = ["models", "inspect", wide, "--executor", "cuda", "--json", ...args];
    return JSON.parse((await runCli(all, { environment })).stdout);
  };
  const memoryPlan = { productPrecision: "16-bit" };
  expect(await inspectOnGpu()).toMatchObject({ quantization: "none", memoryPlan });
  expect(await inspectOnGpu("--quantize", "int8")).toMatchObject({ quantization: "int8", memoryPlan });
});
