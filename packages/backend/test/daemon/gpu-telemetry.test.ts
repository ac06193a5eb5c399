import type { GpuReader, GpuInventory } from "@infernode/memory/cuda";
import { expect, test } from "vitest";
import { describeGpus } from "../../src/commands/doctor/describe-gpus.ts";
import { createGpuTelemetry } from "../../src/daemon/gpu-telemetry.ts";

const gib = 2 ** 30;
const survey: GpuInventory = {
  driver: { version: "580.65.06", cudaVersion: "13.0", source: "nvml" },
  reason: undefined,
  gpus: [
    {
      index: 0,
      name: "Test GPU",
      uuid: "GPU-1",
      pciAddress: "0000:17:00.0",
      computeCapability: { major: 9, minor: 0 },
      totalBytes: 140 * gib,
      usedBytes: 40 * gib,
      freeBytes: 100 * gib,
      utilization: 0.5,
      memoryUtilization: 0.25,
      temperatureCelsius: 40,
      powerWatts: 75.5,
      powerLimitWatts: 700,
      eccErrors: { corrected: 3, uncorrected: 0 },
      isMigEnabled: false,
      processes: Array.from({ length: 7 }, (_, index) => ({
        pid: 100 + index,
        name: index === 0 ? undefined : `worker-${index}`,
        usedBytes: index === 1 ? undefined : (7 - index) * gib,
      })),
    },
  ],
  problems: [{ index: 1, message: "nvmlDeviceGetHandleByIndex_v2 answered GPU is lost (15): GPU is lost" }],
};

function readerOf(read: () => Promise<GpuInventory>): GpuReader & { disposedCount: number } {
  const reader = {
    disposedCount: 0,
    read,
    dispose: async () => void (reader.disposedCount += 1),
    [Symbol.asyncDispose]: async () => undefined,
  };
  return reader;
}

test("opens the reader on first use, once, and disposes it", async () => {
  const reader = readerOf(async () => survey);
  let openCount = 0;
  const telemetry = createGpuTelemetry({
    openReader: async () => {
      openCount += 1;
      return reader;
    },
  });
  expect(openCount).toBe(0);
  expect(await telemetry.survey()).toBe(survey);
  expect(await telemetry.survey()).toBe(survey);
  expect(openCount).toBe(1);
  await telemetry.dispose();
  expect(reader.disposedCount).toBe(1);
});

test("answers the survey before when the driver hangs", async () => {
  let isHanging = false;
  const telemetry = createGpuTelemetry({
    openReader: async () =>
      readerOf(() => (isHanging ? new Promise(() => undefined) : Promise.resolve(survey))),
    timeoutMs: 5,
  });
  expect(await telemetry.survey()).toBe(survey);
  isHanging = true;
  expect(await telemetry.survey()).toBe(survey);
});

test("says that a driver that never answered has not", async () => {
  const telemetry = createGpuTelemetry({ openReader: () => new Promise(() => undefined), timeoutMs: 5 });
  expect(await telemetry.survey()).toMatchObject({
    driver: undefined,
    reason: "the driver did not answer within 5 ms",
    gpus: [],
  });
});

test("says why nothing can be loaded", async () => {
  const telemetry = createGpuTelemetry({ openReader: () => Promise.reject(new Error("no FFI here")) });
  expect(await telemetry.survey()).toMatchObject({ driver: undefined, reason: "no FFI here" });
  await telemetry.dispose();
});

test("answers on this machine, with or without a driver", async () => {
  const telemetry = createGpuTelemetry({ timeoutMs: 60_000 });
  const found = await telemetry.survey();
  expect(found.driver !== undefined || found.reason !== undefined).toBe(true);
  await telemetry.dispose();
});

test("describes each GPU with everything, and cuts a long list of processes", () => {
  const lines = describeGpus(survey).map(([name, value]) => `${name}: ${value}`);
  expect(lines).toEqual([
    "NVIDIA: driver 580.65.06, CUDA up to 13.0",
    [
      "GPU 0: Test GPU, compute 9.0, 100 GiB free of 140 GiB, 40.0 GiB used",
      "GPU-1 at 0000:17:00.0",
      "50 % busy, 40 °C, 76 W of 700 W",
      "ECC errors 3 corrected, 0 uncorrected; MIG off",
      "in use by process (100) 7.00 GiB, worker-1 (101) memory unknown, worker-2 (102) 5.00 GiB, " +
        "worker-3 (103) 4.00 GiB, worker-4 (104) 3.00 GiB, 2 more",
    ].join("\n"),
    "GPU 1: not responding: nvmlDeviceGetHandleByIndex_v2 answered GPU is lost (15): GPU is lost",
  ]);
});

test("describes the instances of a GPU in MIG mode, and which CUDA shows", () => {
  const [gpu] = survey.gpus as [GpuInventory["gpus"][number]];
  const migInstances = ["MIG-a", "MIG-b"].map((uuid, index) => ({
    uuid,
    gpuInstanceId: index + 1,
    computeInstanceId: 0,
    totalBytes: 70 * gib,
    freeBytes: 60 * gib,
  }));
  const split = { ...gpu, isMigEnabled: true, migInstances };
  const lines = (gpus: GpuInventory["gpus"], visible?: readonly string[]): readonly string[] =>
    describeGpus({ ...survey, gpus, problems: [] }, visible).flatMap(([, value]) => value.split("\n"));
  const first = "MIG-a, GPU instance 1, compute instance 0, 60.0 GiB free of 70.0 GiB";
  const second = "MIG-b, GPU instance 2, compute instance 0, 60.0 GiB free of 70.0 GiB";
  const shown = lines([split, { ...gpu, uuid: "GPU-2" }], ["MIG-a"]);
  expect(shown).toContain("ECC errors 3 corrected, 0 uncorrected; MIG on, 2 instances");
  expect(shown).toContain(`${first}, shown by CUDA`);
  expect(shown).toContain(`${second}, hidden; shown by CUDA with CUDA_VISIBLE_DEVICES=MIG-b`);
  expect(shown).toContain("GPU-1 at 0000:17:00.0");
  expect(shown).toContain("GPU-2 at 0000:17:00.0, hidden; shown by CUDA with CUDA_VISIBLE_DEVICES=GPU-2");
  expect(lines([split])).toEqual(expect.arrayContaining([first, second]));
  expect(lines([{ ...split, migInstances: [] }]).join()).toContain(
    "MIG on, and no instance: CUDA shows nothing of it until one is made",
  );
  const listed = { ...gpu, uuid: "MIG-a", isMigEnabled: undefined };
  expect(lines([listed], ["MIG-a"]).join()).toContain("; an instance of a GPU in MIG mode");
});

test("describes a machine without a driver in one line", () => {
  const rows = describeGpus({ driver: undefined, reason: "no NVIDIA driver: x", gpus: [], problems: [] });
  expect(rows).toEqual([["GPU", "none: no NVIDIA driver: x"]]);
});
