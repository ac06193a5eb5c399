// What the engine and the executor take of the host's processor for each token, with and without steps that run ahead.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { cuda, engine, inference, memory, models, openDevice, pathsOf, resolvePackage } from "../session.mjs";
import { missingKernels } from "./kernel-device.mjs";

const promptTokenIds = [1, 7, 20, 3];

/** Nanoseconds of a processor that the stand-in driver has computed kernels for; 0 of a driver. */
function kernelTimeOf({ library, isStandIn }) {
  if (!isStandIn) return () => 0;
  const koffi = createRequire(resolvePackage("@infernode/memory/cuda"))("koffi");
  const read = koffi
    .load(cuda.loadCudaDriver(pathsOf(library)).path)
    .func("uint64_t standin_kernel_ns(void)");
  return () => Number(read());
}

/** Answers streams at once; returns the tokens, and microseconds of the processor and of time for each of them. */
async function measure(executor, model, { runsAhead, streams, maxTokens, kernelNs }) {
  const host = memory.createHostMemoryPool();
  const subject = engine.createEngine({
    executor,
    tokenizer: model.tokenizer,
    eosTokenIds: [],
    model: model.name,
    memory: host,
    runsAhead,
  });
  const answer = async (count) => {
    const results = await Promise.all(
      Array.from({ length: streams }, (_, at) =>
        subject
          .generate({
            promptTokenIds: [...promptTokenIds, at + 30],
            sampling: { temperature: 0 },
            stopping: { maxTokens: count, ignoreEos: true },
          })
          .result(),
      ),
    );
    return results.map(({ choices }) => choices[0].tokenIds);
  };
  try {
    // Graphs are recorded, and code is compiled.
    await answer(Math.min(maxTokens, 16));
    const before = { usage: process.cpuUsage(), kernels: kernelNs(), at: performance.now() };
    const tokens = await answer(maxTokens);
    const { user, system } = process.cpuUsage(before.usage);
    const kernelMicroseconds = (kernelNs() - before.kernels) / 1000;
    const count = streams * maxTokens;
    return {
      tokens,
      stats: subject.stats(),
      cpu: (user + system - kernelMicroseconds) / count,
      time: ((performance.now() - before.at) * 1000) / count,
    };
  } finally {
    await subject.dispose();
    host.dispose();
  }
}

function sizesOf({ tiny, isStandIn }) {
  if (tiny) return { maxTokens: 3, allStreams: [1], rounds: 1 };
  if (isStandIn) return { maxTokens: 64, allStreams: [8], rounds: 3 };
  return { maxTokens: 128, allStreams: [1, 8, 64], rounds: 5 };
}

/** The bundled model, so that the device has little to compute: what is left is the host's. */
export async function measureEngine(options) {
  const skipped = missingKernels(options);
  if (skipped !== undefined) return skipped;
  const kernelNs = kernelTimeOf(options);
  const model = await models.loadModel(models.embeddedModelDirectory());
  const device = openDevice(options);
  const pool = cuda.createCudaMemoryPool({
    device,
    limitBytes: device.freeBytes() / 2,
    events: { emit() {} },
  });
  const { maxTokens, allStreams, rounds } = sizesOf(options);
  const hostFigures = [];
  const figures = [];
  try {
    const executor = await inference.createCudaExecutor({
      model,
      pool,
      maxSequences: Math.max(...allStreams),
      contextTokens: 256,
    });
    try {
      for (const streams of allStreams) {
        const runs = { ahead: [], "in turn": [] };
        for (let round = 0; round < rounds; round += 1) {
          for (const [name, list] of Object.entries(runs)) {
            const runsAhead = name === "ahead";
            list.push(await measure(executor, model, { runsAhead, streams, maxTokens, kernelNs }));
          }
        }
        const [{ tokens, stats }] = runs.ahead;
        for (const run of Object.values(runs).flat()) assert.deepEqual(run.tokens, tokens);
        assert.ok(stats.aheadStepCount > 0 && runs["in turn"][0].stats.aheadStepCount === 0);
        for (const [name, list] of Object.entries(runs)) {
          const median = (key) => list.map((run) => run[key]).toSorted((a, b) => a - b)[list.length >> 1];
          const what = `engine, bundled model, ${streams} stream(s), steps ${name}`;
          hostFigures.push({
            what: `${what}: processor of the host`,
            value: median("cpu"),
            unit: "µs/token",
          });
          figures.push({ what, value: 1e6 / median("time"), unit: "tokens/s" });
        }
      }
    } finally {
      await executor.dispose();
    }
  } finally {
    pool.dispose();
    device.dispose();
    await model.dispose();
  }
  return { figures, hostFigures };
}
