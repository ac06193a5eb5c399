import { createHostMemoryPool } from "@infernode/memory";
import { describe, expect, test } from "vitest";
import {
  checkKernels,
  createCudaExecutor,
  createCudaProvider,
  cudaPlanner,
  measureCopies,
  planCudaMemory,
} from "../../src/executors/cuda/index.ts";
import { createOnnxExecutor, onnxProvider, planOnnxMemory } from "../../src/executors/onnx/index.ts";
import {
  createTfjsExecutor,
  planTfjsMemory,
  type TensorFlow,
  tfjsProvider,
} from "../../src/executors/tfjs/index.ts";
import { PlainMemory } from "../support/plain-memory.ts";
import { openGolden } from "./support/golden.ts";

const model = await openGolden("llama2");
const memory = new PlainMemory();
const sizes = { maxSequences: 1, contextTokens: 16 };
const good = { model, memory, ...sizes };
const cudaPool = { allocate: () => {}, device: { createStream: () => {}, driver: {} } };

/** What a caller without types can pass to a function of options, and what is said of it. */
type Case = readonly [given: unknown, message: string];

/** Wrong for all executors. */
const cases: readonly Case[] = [
  [undefined, "`options`: expected an object, got nothing"],
  [null, "`options`: expected an object, got null"],
  [{ ...good, modle: 1 }, "`options`: expected fields among "],
  [{ ...good, model: undefined }, "`model`: expected a model of @infernode/models, got nothing"],
  [{ ...good, model: "llama" }, '`model`: expected a model of @infernode/models, got "llama"'],
  [{ ...good, model: {} }, "`model.config`: expected a model of @infernode/models, got nothing"],
  [{ ...good, maxSequences: undefined }, "`maxSequences`: expected an integer from 1 to 4096, got nothing"],
  [{ ...good, onWarning: "log" }, '`onWarning`: expected a function, got "log"'],
  [{ ...good, kvRanges: {} }, "`kvRanges`: expected an object with the functions tokenIds, read and write"],
];
const memoryCases: readonly Case[] = [
  [
    { ...good, memory: undefined },
    "`memory`: expected a pool of memory with the function allocate, got nothing",
  ],
  [{ ...good, memory: {} }, "`memory`: expected a pool of memory with the function allocate, got an object"],
];
const host = createHostMemoryPool();
const poolCases: readonly Case[] = [
  [undefined, "`options`: expected an object, got nothing"],
  [{}, "`pool`: expected a pool of createCudaMemoryPool, got nothing"],
  [{ pool: host }, "`pool`: expected a pool of createCudaMemoryPool, got an object"],
  [{ pool: cudaPool, poool: 1 }, "`options`: expected fields among pool"],
];
const modelCases: readonly Case[] = [
  [undefined, "`model`: expected a model of @infernode/models, got nothing"],
  [{ config: {} }, "`model.architecture`: expected a model of @infernode/models, got nothing"],
];

/** Options that only other executors use. */
const threads: Case = [{ ...good, threads: 3 }, "`threads`: expected none with this executor, "];
const libraryPath: Case = [
  { ...good, productLibraryPath: "/x.so" },
  "`productLibraryPath`: expected none with this executor, ",
];

/** Each entry point by its name, with the cases that it must refuse. */
const entries: readonly (readonly [string, (given: never) => unknown, readonly Case[]])[] = [
  ["createOnnxExecutor", createOnnxExecutor, [...cases, ...memoryCases, libraryPath]],
  ["createTfjsExecutor", createTfjsExecutor, [...cases, ...memoryCases, threads, libraryPath]],
  [
    "createCudaExecutor",
    createCudaExecutor,
    [
      ...[...cases, threads].map(([given, message]): Case => [
        typeof given === "object" && given !== null ? { ...given, pool: cudaPool } : given,
        message,
      ]),
      [good, "`pool`: expected a pool of createCudaMemoryPool, got nothing"],
      [{ ...good, pool: host }, "`pool`: expected a pool of createCudaMemoryPool, got an object"],
    ],
  ],
  ["createCudaProvider", createCudaProvider, poolCases],
  ["checkKernels", checkKernels, poolCases],
  ["measureCopies", measureCopies, poolCases],
  ...[onnxProvider, tfjsProvider, cudaPlanner].flatMap(
    (provider) =>
      [
        [`${provider.name}.assertSupported`, (given: never) => provider.assertSupported(given), modelCases],
        [`${provider.name}.assertLoadable`, (given: never) => provider.assertLoadable(given, {}), modelCases],
      ] as const,
  ),
  ...([planOnnxMemory, planTfjsMemory, planCudaMemory] as const).flatMap(
    (plan) =>
      [
        [plan.name, (given: never) => plan(given, sizes), modelCases],
        [
          `${plan.name} with sizes`,
          (given: never) => plan(model, given),
          [[undefined, "`options`: expected an object"]],
        ],
      ] as const,
  ),
];

describe.each(entries)("%s", (_name, call, wrong) => {
  test.each(wrong)("names the option that is wrong: %o", async (given, message) => {
    const calling = (async () => call(given as never))();
    await expect(calling).rejects.toMatchObject({
      name: "InferenceError",
      code: "INVALID_EXECUTOR_OPTIONS",
      message: expect.stringContaining(message),
    });
  });
});

describe("the namespace of TensorFlow.js", async () => {
  const tf = (await import("@tensorflow/tfjs-core")) as unknown as TensorFlow;
  const failure = (tensorflow: unknown): Promise<unknown> =>
    createTfjsExecutor({ ...good, tensorflow: tensorflow as TensorFlow }).then(
      () => "none",
      (error: unknown) => error,
    );

  // The whole namespace in a title would take the memory of all that it has computed.
  test.each([
    ["an object", {}, "ready"],
    ["one without matMul", { ...tf, matMul: undefined }, "matMul"],
    ["a name", "tfjs", "ready"],
  ])("is refused where a function is missing: %s", async (_title, tensorflow, name) => {
    expect(await failure(tensorflow)).toMatchObject({
      code: "INVALID_EXECUTOR_OPTIONS",
      message: expect.stringContaining(
        `\`tensorflow\`: expected the namespace of @tensorflow/tfjs-core, with the function ${name}, got `,
      ),
    });
  });

  test("is refused without a backend, with what it says", async () => {
    const cause = new Error("No backend found in registry.");
    expect(await failure({ ...tf, ready: () => Promise.reject(cause) })).toMatchObject({
      code: "INVALID_EXECUTOR_OPTIONS",
      message: expect.stringMatching(
        /^`tensorflow`: expected TensorFlow.js with a backend .+, got none: No backend/,
      ),
      cause,
    });
  });
});
