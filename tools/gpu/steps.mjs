// The steps of the check, each in its own process, so that one that crashes or hangs does not affect the others.
// check.mjs runs this program, and has checked its arguments:
//   node tools/gpu/steps.mjs --step <name> --result <file.json> [options of check.mjs]
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { benchmark } from "./benchmark-step.mjs";
import { kernelSteps } from "./kernels/kernel-steps.mjs";
import {
  askTooMuch,
  conform,
  describeDevice,
  orderStreams,
  soak,
  survey,
  writeOnStreams,
} from "./one-process.mjs";
import { openDevice } from "./session.mjs";
import { choose, roles, shareCard, surviveBrokenContext } from "./several-processes.mjs";

const virtualOnly = (run) => (options) => {
  const device = openDevice(options);
  const { hasVirtualMemoryManagement } = device;
  device.dispose();
  if (hasVirtualMemoryManagement) return run(options);
  return { status: "skipped", reason: "the driver has no virtual memory management here" };
};

/** The most valuable first, in case time runs out. `seconds`: timeout of a step. */
export const gpuSteps = [
  { name: "the device", seconds: 60, run: describeDevice },
  ...kernelSteps,
  { name: "the GPUs as the management library tells them", seconds: 60, run: survey },
  ...[1, 2].flatMap((streamCount) => [
    {
      name: `conformance, virtual arenas, ${streamCount} stream(s)`,
      seconds: 90,
      run: virtualOnly(conform("virtual", streamCount)),
    },
    {
      name: `conformance, plain arenas, ${streamCount} stream(s)`,
      seconds: 90,
      run: conform("plain", streamCount),
    },
  ]),
  {
    name: "work of streams in order, virtual arenas",
    seconds: 60,
    run: virtualOnly(orderStreams("virtual")),
  },
  { name: "work of streams in order, plain arenas", seconds: 60, run: orderStreams("plain") },
  {
    name: "an allocation beyond the card's memory, virtual arenas",
    seconds: 90,
    run: virtualOnly(askTooMuch("virtual")),
  },
  { name: "an allocation beyond the card's memory, plain arenas", seconds: 90, run: askTooMuch("plain") },
  { name: "two processes share the card", seconds: 90, run: shareCard },
  { name: "CUDA_VISIBLE_DEVICES", seconds: 120, run: choose },
  { name: "a context that a kernel broke", seconds: 60, run: surviveBrokenContext },
  { name: "benchmark cuda-call", seconds: 60, run: benchmark("cuda-call") },
  { name: "benchmark cuda-copy", seconds: 90, run: benchmark("cuda-copy") },
  { name: "benchmark cuda-pool", seconds: 150, run: benchmark("cuda-pool") },
  {
    name: "four streams write and free, and nobody's live block is written over",
    seconds: 90,
    run: writeOnStreams,
  },
  { name: "soak, virtual arenas", seconds: 150, run: virtualOnly(soak("virtual")) },
  { name: "soak, plain arenas", seconds: 150, run: soak("plain") },
];

/** Over the stand-in driver figures are computed, to see that they are numbers, and left out. */
function withoutSpeeds(outcome, { isStandIn }) {
  const { figures = [] } = outcome;
  for (const { what, value } of figures) {
    if (!Number.isFinite(value) || value <= 0) throw new Error(`${what}: expected a number, got ${value}`);
  }
  if (!isStandIn || figures.length === 0) return outcome;
  return { ...outcome, figures: figures.map(({ what, unit, by }) => ({ what, unit, by })) };
}

async function runStep(step, options) {
  const startedAt = performance.now();
  let outcome;
  try {
    outcome = { status: "passed", ...withoutSpeeds(await step.run(options), options) };
  } catch (error) {
    // What a step wrote before it failed is kept.
    const early = existsSync(options.result) ? JSON.parse(readFileSync(options.result, "utf8")) : {};
    outcome = { ...early, status: "failed", error: String(error?.stack ?? error), code: error?.code };
  }
  const seconds = (performance.now() - startedAt) / 1000;
  writeFileSync(options.result, JSON.stringify({ name: step.name, ...outcome, seconds }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      step: { type: "string" },
      role: { type: "string" },
      value: { type: "string" },
      result: { type: "string" },
      ordinal: { type: "string", default: "0" },
      library: { type: "string" },
      "stand-in": { type: "boolean", default: false },
      operations: { type: "string" },
      steps: { type: "string" },
      gguf: { type: "string" },
      "llama-cpp": { type: "string" },
      cublaslt: { type: "string" },
      tiny: { type: "boolean", default: false },
    },
  });
  if (values.role === undefined) {
    await runStep(
      gpuSteps.find(({ name }) => name === values.step),
      { ...values, isStandIn: values["stand-in"] },
    );
  } else {
    await roles[values.role](values.value, values);
  }
  // A broken context or a waiting thread must not keep the process alive.
  process.exit(0);
}
