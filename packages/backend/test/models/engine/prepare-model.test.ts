import { cudaPlanner } from "@infernode/inference/cuda";
import type { CudaDeviceDescription, CudaDriver } from "@infernode/memory/cuda";
import { embeddedModelDirectory } from "@infernode/models";
import { expect, test } from "vitest";
import { chooseExecutors, type ExecutorChoice } from "../../../src/models/engine/choose-executor.ts";
import { prepareModel } from "../../../src/models/engine/prepare-model.ts";
import { coreOptions } from "../../support/fake-core.ts";

const mib = 2 ** 20;
const options = {
  ...coreOptions,
  modelDirectory: embeddedModelDirectory(),
  contextTokens: 64,
  executor: "onnx",
} as const;

/** Prepares for a GPU with so much memory, and for the processor. */
async function prepare(gpuBytes: number) {
  const onDevice: ExecutorChoice = {
    planner: cudaPlanner,
    reason: "a GPU",
    gpu: {
      id: "cuda:0",
      kind: "cuda",
      name: "A GPU",
      totalBytes: gpuBytes,
      freeBytes: () => gpuBytes,
      driver: {} as CudaDriver,
      description: { ordinal: 0 } as CudaDeviceDescription,
    },
  };
  /** What was reserved at least. */
  const reservedBytes: number[] = [];
  const prepared = await prepareModel(options, {
    encodes: false,
    choices: [onDevice, ...(await chooseExecutors(options))],
    reserveMemory: async ({ minBytes }) => {
      reservedBytes.push(minBytes);
      // As the daemon grants what there is at least, once.
      return { deviceId: "cpu", availableBytes: reservedBytes.at(0) ?? 0 };
    },
  });
  await prepared.stored.dispose();
  return { prepared, reservedBytes };
}

test("a model that does not fit into a GPU reserves what it needs on the processor, and only that", async () => {
  const roomy = await prepare(256 * mib);
  expect(roomy.prepared).toMatchObject({
    choice: { reason: "a GPU" },
    gpuMemory: { room: { deviceId: "cuda:0" } },
  });
  for (const gpuBytes of [4 * mib, 0]) {
    const { prepared, reservedBytes } = await prepare(gpuBytes);
    expect(prepared.gpuMemory).toBeUndefined();
    expect(prepared.choice.reason).toMatch(/^engine\.executor is onnx: .*available on cuda:0/);
    expect(reservedBytes).toHaveLength(1);
    expect(Math.max(...reservedBytes)).toBeGreaterThan(Math.max(...roomy.reservedBytes));
  }
});
