import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { deviceBytes, openCudaMachine, plantFault } from "./support/cuda-machine.ts";
import { runCli } from "./support/run-cli.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";
import { createClient, streamCompletion } from "./support/stream-chat.ts";

// The CUDA executor in the program as it is run, with the processor as its device.

const title = "the CUDA executor in the daemon";
const opened = openCudaMachine(title);
const environment = "reason" in opened ? {} : opened.environment;
const mib = 2 ** 20;
/** Small: the stand-in multiplies numbers one after the other. */
const model = "llama31";
const checkpoint = fileURLToPath(new URL("../fixtures/checkpoints/llama31", import.meta.url));
const illegalAddress = 700;

// A machine that is busy with other things is slow at everything.
const sizes = ["--max-sequences", "4", "--context-tokens", "256", "--prompt-timeout", "60000"];
const half = ["--gpu-memory-utilization", "0.5"];
/** So that answers are those of executors that compute in float32. */
const exact = ["--product-precision", "float32"];
const prompts = ["Once upon a time", "Lily and Tom went to the park", "The big red ball"];

async function complete(daemon: TestDaemon, prompt: string, maxTokens = 4): Promise<string> {
  const { choices } = await createClient(daemon.url).completions.create({
    model,
    prompt,
    max_tokens: maxTokens,
    temperature: 0,
  });
  return choices[0]?.text ?? "";
}

describe.skipIf("reason" in opened)(title, () => {
  let scratch: string;
  let fault: string;
  let cache: string;
  let daemon: TestDaemon;

  /** The next call of a driver's function fails, and everything after it in that process. */
  const breakAt = async (call: string, status: number): Promise<void> => {
    await writeFile(`${fault}.new`, `${call} ${status}`);
    await rename(`${fault}.new`, fault);
  };

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "infernode-cuda-"));
    fault = join(scratch, "fault");
    cache = join(scratch, "cache");
    const own = ["--model", checkpoint];
    daemon = await startDaemon({
      environment: { ...environment, STAND_IN_FAULT: fault },
      // Threads are for the other executor that might have been chosen.
      args: [...own, ...half, ...sizes, ...exact, "--device", "1", "--cache-dir", cache, "--threads", "3"],
    });
  });
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
    await rm(scratch, { recursive: true, force: true });
  });

  test("answers as onnxruntime does, alone and several at once", async () => {
    const other = await startDaemon({ args: ["--executor", "onnx", "--model", checkpoint, ...sizes] });
    onTestFinished(() => other[Symbol.asyncDispose]());
    const expected = await Promise.all(prompts.map(async (prompt) => complete(other, prompt)));
    expect(new Set(expected).size).toBe(prompts.length);
    for (const [index, prompt] of prompts.entries()) {
      expect(await complete(daemon, prompt)).toBe(expected[index]);
    }
    const together = await Promise.all(prompts.map(async (prompt) => complete(daemon, prompt)));
    expect(together).toEqual(expected);
  });

  test("rounds inputs of products to 16 bits by default, and begins no step ahead where it is not to", async () => {
    expect(await daemon.metric("infernode_engine_steps_ahead_total")).toBeGreaterThan(0);
    const args = [...half, ...sizes, "--executor", "cuda", "--run-ahead", "false"];
    const other = await startDaemon({ environment, args });
    onTestFinished(() => other[Symbol.asyncDispose]());
    expect(other.logs.find(({ msg }) => msg === "model loaded")).toMatchObject({
      productPrecision: "16-bit",
    });
    const { choices } = await createClient(other.url).completions.create({
      model: "infernode-stories",
      prompt: prompts[0]!,
      max_tokens: 2,
    });
    expect(choices[0]?.text).not.toBe("");
    expect(await other.metric("infernode_engine_steps_ahead_total")).toBe(0);
  });

  test("has prompts multiplied by cuBLASLt where it is asked for, and says so", async () => {
    // The stand-in driver has its functions too.
    const file = join(environment["LD_LIBRARY_PATH"]!, "libcuda.so.1");
    const library = ["--product-library", "cublasLt", "--product-library-path", file];
    const args = [...half, ...sizes, "--executor", "cuda"];
    const prompt =
      "Once there was a little girl who lived in a house by the sea with her cat and dog. ".repeat(4);
    const answers: (string | undefined)[] = [];
    for (const extra of [library, []]) {
      const other = await startDaemon({ environment, args: [...args, ...extra] });
      onTestFinished(() => other[Symbol.asyncDispose]());
      const loaded = other.logs.find(({ msg }) => msg === "model loaded");
      expect(loaded).toMatchObject({ productLibrary: extra.length === 0 ? "none" : "cublasLt" });
      const { choices, usage } = await createClient(other.url).completions.create({
        model: "infernode-stories",
        prompt,
        max_tokens: 4,
        temperature: 0,
      });
      expect(usage?.prompt_tokens).toBeGreaterThan(64);
      answers.push(choices[0]?.text);
    }
    expect(answers[0]).not.toBe("");
    expect(answers[0]).toBe(answers[1]);
  });

  test("streams to several clients at once", async () => {
    const client = createClient(daemon.url);
    const streams = Array.from({ length: 3 }, () => streamCompletion(client, { model, maxTokens: 4 }));
    const ended = await Promise.all(streams.map((stream) => stream.ended));
    expect(new Set(ended.map(({ text }) => text)).size).toBe(1);
    expect(ended[0]).toMatchObject({ text: expect.stringMatching(/./), finishReason: "length" });
  });

  test("computes what prompts have in common once", async () => {
    const shared =
      "Once there was a little girl who lived in a house by the sea with her cat and her dog. ".repeat(2);
    const hits = "infernode_prefix_cache_hit_tokens_total";
    await complete(daemon, `${shared}Then`, 2);
    const before = await daemon.metric(hits);
    const alone = await complete(daemon, `${shared}Now`);
    expect(await daemon.metric(hits)).toBeGreaterThanOrEqual(before + 32);
    expect(await complete(daemon, `${shared}Now`)).toBe(alone);
  });

  test("says where it runs, why, and what it takes of each memory", async () => {
    const loaded = daemon.logs.find(({ msg }) => msg === "model loaded");
    const { totalBytes, hostBytes } = loaded as unknown as { totalBytes: number; hostBytes: number };
    expect(loaded).toMatchObject({
      executor: "cuda",
      executorReason: expect.stringMatching(
        /^auto: all \d{3} kernels give the stored values on the GPU Stand-in/,
      ),
      productPrecision: "float32",
      device: "cuda:1",
    });
    expect(daemon.logs.find(({ msg }) => msg.includes("does not use"))).toMatchObject({
      msg: "the executor cuda does not use engine.threads 3, which is for onnx",
    });
    expect(daemon.logs.filter(({ msg }) => msg === "checking a GPU")).toHaveLength(1);
    expect(daemon.logs.find(({ msg }) => msg === "GPU checked")).toMatchObject({
      device: "Stand-in GPU 1",
      isFromCache: false,
    });
    // Pages fill the share of the device but for what pools round up.
    expect(totalBytes).toBeGreaterThan(30 * mib);
    expect(totalBytes).toBeLessThanOrEqual(deviceBytes / 2 - 32 * mib);
    expect(hostBytes).toBeLessThan(16 * mib);
    const labels = (device: string): string => `device="${device}"`;
    expect(await daemon.metric("infernode_memory_limit_bytes", labels("cuda:1"))).toBe(deviceBytes / 2);
    const planned = "infernode_model_memory_planned_bytes";
    const purposes = ["weights", "kv-cache", "activations", "workspace"];
    const ofDevice = await Promise.all(
      purposes.map(async (purpose) => daemon.metric(planned, `${labels("cuda:1")},purpose="${purpose}"`)),
    );
    expect(ofDevice.reduce((sum, bytes) => sum + bytes, 0)).toBe(totalBytes);
    expect(await daemon.metric(planned, `${labels("cpu")},purpose="workspace"`)).toBe(hostBytes);
  });

  test("is started again after the device was lost; requests and health say so", async () => {
    const client = createClient(daemon.url);
    const running = streamCompletion(client, { model, maxTokens: 200 });
    await running.started;
    await breakAt("cuEventSynchronize", illegalAddress);
    await expect(running.ended).rejects.toMatchObject({ code: "device_lost" });
    const lost = expect.stringMatching(/the device was lost: .*\(700\)/);
    const crashed = await daemon.waitForLog(({ msg }) => msg === "engine crashed");
    expect(crashed).toMatchObject({ exitCode: 1, reason: lost });
    const ready = await fetch(`${daemon.url}/health/ready`);
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining("the device was lost")]);
    await daemon.waitForLog(({ msg }) => msg === "engine restarted");
    // On the same device, which is not checked again.
    expect(await daemon.metric("infernode_memory_limit_bytes", 'device="cuda:1"')).toBe(deviceBytes / 2);
    expect(daemon.logs.filter(({ msg }) => msg === "checking a GPU")).toHaveLength(1);
    expect(await complete(daemon, "Once")).not.toBe("");
  });

  test("answers all requests of which nothing was streamed after the device was lost", async () => {
    const errors = (): Promise<number> =>
      daemon.metric("infernode_requests_finished_total", 'finish_reason="error"');
    const crashes = "infernode_engine_crashes_total";
    const before = { errors: await errors(), crashes: await daemon.metric(crashes) };
    // More than are in a batch.
    const count = 14;
    const streamed = streamCompletion(createClient(daemon.url), { model, maxTokens: 200 });
    await streamed.started;
    const answers = Array.from({ length: count }, async () => complete(daemon, "Once upon a time", 8));
    while ((await daemon.metric("vllm:num_requests_waiting")) < count - 3) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await breakAt("cuEventSynchronize", illegalAddress);
    await expect(streamed.ended).rejects.toMatchObject({ code: "device_lost" });
    const texts = new Set(await Promise.all(answers));
    expect([...texts]).toEqual([expect.stringMatching(/./)]);
    const crashed = daemon.logs.findLast(({ msg }) => msg === "engine crashed");
    expect(crashed).toMatchObject({ failedRequestCount: 1, replayedRequestCount: count });
    expect(await daemon.metric(crashes)).toBe(before.crashes + 1);
    expect(await errors()).toBe(before.errors + 1);
  });

  describe("at the command line", () => {
    const inspect = ["models", "inspect", "embedded", "--executor", "cuda"];

    test("is refused where there is no driver, with what is missing", async () => {
      const run = await runCli(["play", "--prompt", "Once", "--executor", "cuda"]);
      expect(run.exitCode).toBe(4);
      expect(run.stderr).toMatch(
        /the CUDA executor cannot be used: no NVIDIA driver: .*\(EXECUTOR_UNAVAILABLE\)/s,
      );
    });

    test.each([
      ["cuMemHostAlloc", 2],
      ["cuModuleLoadDataEx", 218],
      ["cuMemAddressReserve", 2],
    ])("says which call failed first where %s fails while a model loads", async (call, status) => {
      const file = join(scratch, `${call}-fault`);
      await writeFile(file, `${call} ${status}`);
      const args = ["play", "--prompt", "Once", "--executor", "cuda", ...half];
      const run = await runCli(args, { environment: { ...environment, STAND_IN_FAULT: file } });
      expect([run.exitCode, run.stderr]).toEqual([4, expect.stringContaining(`${call} returned`)]);
    });

    test("takes the device with a number or UUID, and names those that there are", async () => {
      const uuid = "GPU-10111213-1415-1617-1819-1a1b1c1d1e1f";
      const byUuid = await runCli([...inspect, "--json", "--device", uuid.slice(0, 12)], { environment });
      expect(JSON.parse(byUuid.stdout)).toMatchObject({ executor: { name: "cuda", device: "cuda:1" } });
      const none = await runCli([...inspect, "--device", "2"], { environment });
      expect(none.exitCode).toBe(4);
      expect(none.stderr).toContain(`, 1 (${uuid}), got 2`);
    });

    test("takes a MIG instance that CUDA shows, in its memory, and says how another is shown", async () => {
      const own = "MIG-a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf";
      const other = "MIG-d0d1d2d3-d4d5-d6d7-d8d9-dadbdcdddedf";
      // Under a driver before R570, which shows one.
      const machine = { ...environment, STAND_IN_MIG: "2" };
      const plan = async (more: Record<string, string>, device = "0"): Promise<unknown> => {
        const args = [...inspect, "--json", "--device", device];
        const run = await runCli(args, { environment: { ...machine, ...more } });
        return JSON.parse(run.stdout);
      };
      const onDevice = { executor: { name: "cuda", device: "cuda:0" } };
      const [half, whole, second] = [
        await plan({ CUDA_VISIBLE_DEVICES: other }),
        await plan({ CUDA_VISIBLE_DEVICES: "1" }),
        await plan({ STAND_IN_MIG: "1" }, other),
      ] as { memoryPlan: { totalBytes: number } }[];
      expect([half, whole]).toMatchObject([onDevice, onDevice]);
      expect(second).toMatchObject({ executor: { name: "cuda", device: "cuda:1" } });
      expect(second!.memoryPlan.totalBytes).toBe(half!.memoryPlan.totalBytes);
      expect(half!.memoryPlan.totalBytes).toBeLessThan((deviceBytes / 2) * 0.9);
      expect(whole!.memoryPlan.totalBytes).toBeGreaterThan((deviceBytes / 2) * 0.9);
      const refused = await runCli([...inspect, "--device", other], { environment: machine });
      expect(refused.exitCode).toBe(4);
      expect(refused.stderr).toContain(
        `expected a device among 0 (${own}), got ${other}; CUDA shows the MIG instances that CUDA_VISIBLE_DEVICES names`,
      );
    });

    test("is refused where cuBLASLt is asked for and missing, or would compute nothing", async () => {
      const library = [
        "--product-library",
        "cublasLt",
        "--product-library-path",
        "/nowhere/libcublasLt.so.13",
      ];
      const serve = ["serve", "--port", "0", "--executor", "cuda", ...half, ...sizes];
      for (const command of [serve, inspect]) {
        const run = await runCli([...command, ...library], { environment });
        expect(run.exitCode).toBe(4);
        // The daemon's log is JSON.
        expect(run.stderr.replaceAll("\\", "")).toMatch(
          /`productLibrary`: expected "none", or a cuBLASLt of CUDA 12 or 13 .*\/nowhere\/libcublasLt\.so\.13.*, got "cublasLt"/s,
        );
      }
      const doctor = await runCli(["doctor", "--executor", "cuda", ...library], { environment });
      expect(doctor.stdout).toContain('`productLibrary`: expected "none", or a cuBLASLt');
      const wide = await runCli([...inspect, "--product-precision", "float32", ...library], { environment });
      expect(wide.exitCode).toBe(4);
      expect(wide.stderr).toContain(
        '`productLibrary`: expected "none" where no product of 16 bits has a weight',
      );
    });

    test("is refused with the numbers where the model does not fit", async () => {
      const run = await runCli([...inspect, "--gpu-memory-utilization", "0.04"], { environment });
      expect(run.exitCode).toBe(4);
      expect(run.stderr).toMatch(
        /expected [\d.]+ \wiB available on cuda:0 \(weights [\d.]+ MiB, kv-cache [\d.]+ \wiB.*\), got 5\.11 MiB/,
      );
    });

    test("refuses a type of the KV cache that an executor does not know", async () => {
      const run = await runCli(["models", "inspect", "embedded", "--kv-cache-dtype", "bfloat16"]);
      expect(run.exitCode).toBe(4);
      expect(run.stderr).toContain(
        '`kvCacheDtype`: expected "float32" or "int8" with this executor, got "bfloat16"',
      );
      const onGpu = await runCli([...inspect, "--json", "--kv-cache-dtype", "int8"], {
        environment,
      });
      expect(JSON.parse(onGpu.stdout)).toMatchObject({ memoryPlan: { kvCacheDtype: "int8" } });
    });

    test("is what auto takes; doctor runs a step and every kernel, and keeps the result", async () => {
      const own = ["--cache-dir", join(scratch, "doctor")];
      const run = await runCli(["doctor", "--json", ...own], { environment });
      expect(run.exitCode).toBe(0);
      const report = JSON.parse(run.stdout) as { gpuCheck: { kernels: { isWithin: boolean }[] } };
      expect(report.gpuCheck.kernels.length).toBeGreaterThan(100);
      expect(report.gpuCheck.kernels.every(({ isWithin }) => isWithin)).toBe(true);
      // The speed of a stand-in is not measured.
      for (const name of ["copies", "problem", "notKept"]) expect(report.gpuCheck).not.toHaveProperty(name);
      expect(report).toMatchObject({
        executor: { name: "cuda", reason: expect.stringContaining("give the stored values") },
        gpuCheck: { device: "Stand-in GPU 0", isStandIn: true },
        runtimes: expect.arrayContaining([
          expect.objectContaining({ executor: "cuda", path: "driver", works: true }),
        ]),
      });
      const { stdout } = await runCli(["cache", "ls", "--json", ...own]);
      expect(JSON.parse(stdout)).toMatchObject([
        { kind: "gpu-check", verdict: { identity: { name: "Stand-in GPU 0" } } },
      ]);
    });

    test("is not what auto takes where a kernel computes something else, and one that was good stays so", async () => {
      const ptx = await readFile(
        new URL("../../packages/inference/ptx/sum-splits.ptx", import.meta.url),
        "utf8",
      );
      const altered = ptx.replace(/add(\S*)\.f32/, "sub$1.f32");
      expect(altered).not.toBe(ptx);
      const faulty = plantFault(environment, { folder: join(scratch, "faulty"), ptx, altered });
      const auto = ["models", "inspect", "embedded", "--json", "--device", "1"];
      const chosen = async (args: readonly string[]): Promise<unknown> => {
        const { stdout } = await runCli(args, { environment: faulty });
        return (JSON.parse(stdout) as { executor: unknown }).executor;
      };
      const own = ["--cache-dir", join(scratch, "faulty-cache")];
      expect(await chosen([...auto, ...own])).toMatchObject({
        name: "onnx",
        reason: expect.stringMatching(
          /Stand-in GPU 1 is not taken: 1 of \d+ kernels do not .*sum-splits\/.*got .*; --executor cuda takes it nevertheless/,
        ),
      });
      expect(await chosen([...auto, ...own, "--executor", "cuda"])).toMatchObject({
        name: "cuda",
        warning: expect.stringContaining("1 of "),
      });
      // The daemon has checked this device before the fault, which so is not seen; the model has to fit into it.
      expect(await chosen([...auto, "--cache-dir", cache])).toMatchObject({ name: "cuda", device: "cuda:1" });
      const tight = [...auto, "--cache-dir", cache, "--gpu-memory-utilization", "0.04"];
      expect(await chosen(tight)).toMatchObject({
        name: "onnx",
        reason: expect.stringMatching(/cannot run this model: .* available on cuda:1 .*, got 5\.11 MiB/),
      });
    });

    test("would not run where kernels fail; doctor says which, and goes on without the device", async () => {
      const broken = join(scratch, "broken");
      // The first of them is the kernels' check's.
      await writeFile(broken, `cuMemsetD8Async ${illegalAddress}`);
      const run = await runCli(["doctor", "--executor", "cuda", "--cache-dir", "/proc/none"], {
        environment: { ...environment, STAND_IN_FAULT: broken },
      });
      expect(run.exitCode).toBe(4);
      expect(run.stdout.replaceAll(/\s+/g, " ")).toMatch(
        /auto does not take this GPU, and checks it at each start: the result cannot be kept: ENOENT/,
      );
      expect(run.stdout.replaceAll(/\s+/g, " ")).toMatch(
        /needs [\d.]+ \wiB on cuda:0 and [\d.]+ \wiB of the host for 64 x \d+ tokens.* would not run: \d+ of \d+ kernels do not compute the stored values: \S+ \(.*ILLEGAL_ADDRESS.*\), \S+ \(not run: the device was lost/,
      );
    });
  });
});
