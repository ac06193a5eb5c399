import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { nvmlFunctions, nvmlOptionalFunctions } from "../../src/cuda/nvml/nvml-functions.ts";
import { loadNvml, nvmlLibraryPaths } from "../../src/cuda/nvml/nvml.ts";
import { readDriverVersion } from "../../src/cuda/nvml/read-driver-version.ts";
import { createGpuReader, readGpus } from "../../src/cuda/read-gpus.ts";
import { readHostMemory } from "../../src/devices/host-memory.ts";
import { selectGpus } from "../../src/devices/select-gpus.ts";
import { resolveVisibleGpus } from "../../src/devices/visible-gpus.ts";
import { describeOverStandIn } from "./stand-in/stand-in.ts";

const mib = 2 ** 20;
const absent = { libraryPaths: ["lib-that-is-not-there.so.1"] };
const gpuIsLost = 15;
const notSupported = 3;
const noPermission = 4;
const unknownError = 999;
const firstInstance = "MIG-a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf";
const secondInstance = "MIG-d0d1d2d3-d4d5-d6d7-d8d9-dadbdcdddedf";

describeOverStandIn("the GPUs of a machine", (standIn) => {
  const here = { libraryPaths: [standIn.path] };
  const options = { nvml: here, cuda: absent };

  it("are read with all values of NVML", async () => {
    standIn.useElsewhere(0, 60 * mib);
    const inventory = await readGpus(options);
    expect(inventory).toMatchObject({
      driver: { version: "580.65.06", cudaVersion: "13.0", source: "nvml" },
      reason: undefined,
      problems: [],
    });
    expect(inventory.gpus).toHaveLength(2);
    const [{ processes, ...gpu } = { processes: [] }] = inventory.gpus;
    expect(gpu).toEqual({
      index: 0,
      name: "Stand-in GPU 0",
      uuid: "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f",
      pciAddress: "0000:17:00.0",
      computeCapability: { major: 9, minor: 0 },
      totalBytes: 256 * mib,
      usedBytes: 60 * mib,
      freeBytes: 196 * mib,
      utilization: 0.1,
      memoryUtilization: 0.05,
      temperatureCelsius: 31,
      powerWatts: 75.501,
      powerLimitWatts: 700,
      eccErrors: { corrected: 3, uncorrected: 0 },
      isMigEnabled: false,
      migInstances: [],
    });
    // 70 compute processes, more than fit into the first call, and 2 graphics processes, one of which is also a compute process.
    expect(processes).toHaveLength(71);
    expect(processes[0]).toEqual({ pid: 1068, usedBytes: 69 * mib, name: "worker-1068" });
    expect(processes.find(({ pid }) => pid === 1069)?.usedBytes).toBeUndefined();
    expect(processes.find(({ pid }) => pid === 1001)?.name).toBeUndefined();
    expect(processes.find(({ pid }) => pid === 2000)?.usedBytes).toBe(3 * mib);
  });
  it("have the driver's version alone, of NVML or of the kernel", async () => {
    expect(await readDriverVersion({ nvml: here })).toBe("580.65.06");
    const folder = mkdtempSync(join(tmpdir(), "infernode-version-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const modulePath = join(folder, "version");
    expect(await readDriverVersion({ nvml: absent, modulePath })).toBeUndefined();
    writeFileSync(modulePath, "535.104.05\n");
    expect(await readDriverVersion({ nvml: absent, modulePath })).toBe("535.104.05");
  });
  it("have undefined for values that a device does not support", async () => {
    const { gpus } = await readGpus(options);
    expect(gpus[1]).toMatchObject({
      powerLimitWatts: undefined,
      eccErrors: undefined,
      isMigEnabled: undefined,
      processes: [],
    });
    for (const name of Object.keys(nvmlOptionalFunctions)) {
      standIn.fail(name, notSupported, { forever: true });
      const inventory = await readGpus(options);
      expect(inventory.gpus).toHaveLength(2);
      expect(inventory.problems).toEqual([]);
    }
  });
  it("have their instances in MIG mode, for selectGpus", async () => {
    standIn.split();
    const { gpus } = await readGpus(options);
    expect(gpus[0]).toMatchObject({
      isMigEnabled: true,
      migInstances: [
        { uuid: firstInstance, gpuInstanceId: 1, computeInstanceId: 0 },
        { uuid: secondInstance, gpuInstanceId: 4, computeInstanceId: 0 },
      ],
    });
    expect(gpus[0]?.migInstances?.[0]).toMatchObject({ totalBytes: 128 * mib, freeBytes: 64 * mib });
    const env = { CUDA_VISIBLE_DEVICES: secondInstance };
    const selection = selectGpus({ count: 1, requiredBytes: mib, devices: gpus, env });
    expect(selection.visibleDevices).toBe(secondInstance);
  });
  it.each([
    undefined,
    "0",
    "1",
    "0,1",
    "1,0",
    "0,0",
    "1,7,0",
    "2,1",
    "GPU-00010203",
    "GPU-1",
    secondInstance,
    "MIG-d",
    "MIG-",
    `${secondInstance},${firstInstance}`,
    `${secondInstance},0`,
    "",
  ])(
    "are seen through CUDA_VISIBLE_DEVICES %o as a driver shows them, one of them in MIG mode",
    async (list) => {
      onTestFinished(() => void vi.unstubAllEnvs());
      vi.stubEnv("CUDA_VISIBLE_DEVICES", list);
      for (const [count, of] of [
        [2, "r580"],
        [1, "r580"],
        [2, "before-r570"],
        [1, "before-r570"],
      ] as const) {
        standIn.setDevices({ count, bytes: 256 * mib });
        standIn.split(of);
        const { gpus, driver } = await readGpus(options);
        expect(driver?.version).toBe(of === "r580" ? "580.65.06" : "550.54.15");
        const expected = resolveVisibleGpus(gpus, list, driver?.version).gpus;
        const shown = await readGpus({ nvml: absent, cuda: here });
        expect(shown.gpus.map(({ uuid }) => uuid)).toEqual(expected.map(({ uuid }) => uuid));
        expect(shown.gpus.map(({ totalBytes }) => totalBytes)).toEqual(
          expected.map(({ totalBytes }) => totalBytes),
        );
      }
    },
  );
  it("have the memory of their instances where a user may not read that of the GPU", async () => {
    standIn.split();
    standIn.fail("nvmlDeviceGetMemoryInfo", noPermission, { after: 2 });
    const { gpus, problems } = await readGpus(options);
    expect(problems).toEqual([]);
    expect(gpus[0]).toMatchObject({ totalBytes: 256 * mib, freeBytes: 128 * mib, usedBytes: 128 * mib });
  });
  it("have the host's memory where they have none of their own", async () => {
    standIn.fail("nvmlDeviceGetMemoryInfo", notSupported);
    const { gpus, problems } = await readGpus(options);
    expect(problems).toEqual([]);
    expect(gpus[0]?.totalBytes).toBe(readHostMemory().totalBytes);
    expect(gpus[0]?.freeBytes).toBeGreaterThan(0);
    expect(gpus[1]?.totalBytes).toBe(256 * mib);
  });
  it("are read although the name of a process is not", async () => {
    standIn.fail("nvmlSystemGetProcessName", unknownError);
    const { gpus, problems } = await readGpus(options);
    expect(problems).toEqual([]);
    expect(gpus[0]?.processes.find(({ pid }) => pid === 1000)?.name).toBeUndefined();
    expect(gpus[0]?.processes.find(({ pid }) => pid === 1002)?.name).toBe("worker-1002");
  });
  for (const name of Object.keys({ ...nvmlFunctions, ...nvmlOptionalFunctions })) {
    if (!name.startsWith("nvmlDevice") || name === "nvmlDeviceGetCount_v2") continue;
    it(`are read although one fails in ${name}, which is a problem with NVML's text`, async () => {
      standIn.split();
      standIn.fail(name, gpuIsLost);
      const { gpus, problems } = await readGpus(options);
      expect(problems).toEqual([{ index: 0, message: `${name} returned GPU is lost (15): GPU is lost` }]);
      expect(gpus.map(({ index }) => index)).toEqual([1]);
    });
  }
  for (const name of [
    "nvmlInit_v2",
    "nvmlSystemGetDriverVersion",
    "nvmlSystemGetCudaDriverVersion_v2",
    "nvmlDeviceGetCount_v2",
  ]) {
    it(`are read through the driver when ${name} fails`, async () => {
      standIn.fail(name, 999);
      const inventory = await readGpus({ nvml: here, cuda: here });
      expect(inventory.driver).toEqual({ version: undefined, cudaVersion: "13.0", source: "cuda" });
      expect(inventory.reason).toBe(`${name} returned Unknown Error (999): Unknown Error`);
      expect(inventory.gpus).toHaveLength(2);
    });
  }
  it("are read through the driver without NVML, with fewer values", async () => {
    standIn.useElsewhere(1, 56 * mib);
    const inventory = await readGpus({ nvml: absent, cuda: here });
    expect(inventory.driver).toEqual({ version: undefined, cudaVersion: "13.0", source: "cuda" });
    expect(inventory.reason).toContain("no NVML");
    expect(inventory.gpus[1]).toMatchObject({
      index: 1,
      name: "Stand-in GPU 1",
      uuid: "GPU-10111213-1415-1617-1819-1a1b1c1d1e1f",
      pciAddress: "0000:18:00.0",
      usedBytes: 56 * mib,
      freeBytes: 200 * mib,
      temperatureCelsius: undefined,
      processes: [],
    });
  });
  it("are read although the driver cannot open one of them", async () => {
    standIn.fail("cuDevicePrimaryCtxRetain", 719);
    const { gpus, problems } = await readGpus({ nvml: absent, cuda: here });
    expect(gpus.map(({ index }) => index)).toEqual([1]);
    expect(problems).toEqual([
      {
        index: 0,
        message:
          "cuDevicePrimaryCtxRetain returned CUDA_ERROR_LAUNCH_FAILED (719): unspecified launch failure",
      },
    ]);
  });
  it("are none without a driver, which is no error", async () => {
    expect(await readGpus({ nvml: absent, cuda: absent })).toEqual({
      driver: undefined,
      reason: expect.stringContaining("no NVIDIA driver"),
      gpus: [],
      problems: [],
    });
  });
  it("are none where the driver has no device", async () => {
    standIn.setDevices({ count: 0, bytes: mib });
    const inventory = await readGpus(options);
    expect(inventory).toMatchObject({ driver: { version: "580.65.06" }, gpus: [], problems: [] });
  });
  it("are read repeatedly with NVML loaded once, and concurrent calls share one read", async () => {
    const reader = createGpuReader(options);
    const [first, second] = await Promise.all([reader.read(), reader.read()]);
    expect(second).toBe(first);
    expect(standIn.live().nvmlUsers).toBe(1);
    standIn.useElsewhere(0, mib);
    expect((await reader.read()).gpus[0]?.usedBytes).toBe(mib);
    await reader.dispose();
    await reader.dispose();
    expect(standIn.live().nvmlUsers).toBe(0);
  });
  it("are read on other threads: a slow one does not block the event loop", async () => {
    standIn.gate(true);
    const reading = readGpus(options);
    await new Promise((resolve) => setImmediate(resolve));
    standIn.gate(false);
    expect((await reading).problems).toEqual([]);
  });
});

describeOverStandIn("NVML", (standIn) => {
  it("throws when its shutdown fails, and retries at the next dispose", async () => {
    const nvml = await loadNvml({ libraryPaths: [standIn.path] });
    standIn.fail("nvmlShutdown", 999);
    await expect(nvml.dispose()).rejects.toMatchObject({
      code: "NVML_ERROR",
      call: "nvmlShutdown",
      statusName: "Unknown Error",
    });
    await nvml.dispose();
  });
  it("is missing by platform, by file and by function", async () => {
    const unavailable = { code: "CUDA_UNAVAILABLE" };
    expect(nvmlLibraryPaths("linux")[0]).toBe("libnvidia-ml.so.1");
    expect(nvmlLibraryPaths("win32")[0]).toBe("nvml.dll");
    await expect(loadNvml({ platform: "darwin" })).rejects.toMatchObject(unavailable);
    await expect(loadNvml(absent)).rejects.toMatchObject(unavailable);
    await expect(loadNvml({ libraryPaths: ["libc.so.6"] })).rejects.toThrow(/lacks nvmlInit_v2/);
  });
});
