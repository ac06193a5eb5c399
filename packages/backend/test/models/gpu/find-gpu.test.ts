import type { CudaDriver } from "@infernode/memory/cuda";
import { expect, it, test } from "vitest";
import { describeOverStandIn } from "../../../../memory/test/cuda/stand-in/stand-in.ts";
import { loadCudaDriver } from "../../../../memory/src/cuda/driver/cuda-driver.ts";
import { MemoryError } from "@infernode/memory";
import { findGpu, readVisibleGpus } from "../../../src/models/gpu/find-gpu.ts";

test("a failure of the driver is a reason, not an error", async () => {
  const loadDriver = (): CudaDriver => {
    throw new MemoryError("CUDA_UNAVAILABLE", "no NVIDIA driver: not installed");
  };
  expect(await findGpu("0", { loadDriver })).toEqual({ problem: "no NVIDIA driver: not installed" });
});

describeOverStandIn("a GPU that is looked for", (standIn) => {
  const [first, second] = [0, 16].map((from) =>
    Array.from({ length: 16 }, (_, at) => (from + at).toString(16).padStart(2, "0"))
      .join("")
      .replace(/^(.{8})(.{4})(.{4})(.{4})/, "GPU-$1-$2-$3-$4-"),
  ) as [string, string];
  const problemOf = async (
    name: string,
    change: Partial<CudaDriver> = {},
    version?: string,
  ): Promise<string | undefined> => {
    const loadDriver = (): CudaDriver => ({ ...standIn.driver, ...change });
    const found = await findGpu(name, { loadDriver, readVersion: async () => version });
    return "problem" in found ? found.problem : undefined;
  };

  it("has a number, a UUID, or a beginning of a UUID that only it has", async () => {
    for (const name of ["1", second, second.slice(0, 8)]) expect(await problemOf(name)).toBeUndefined();
    const visible = `expected a device among 0 (${first}), 1 (${second})`;
    for (const name of ["2", "GPU-", "GPU-ffffffff", "MIG-1"]) {
      const problem = await problemOf(name);
      expect(problem?.split("; ")[0]).toBe(`${visible}, got ${name}`);
      expect(problem?.includes("MIG instances")).toBe(name === "MIG-1");
    }
    expect(await problemOf("0", { deviceCount: 0 })).toBe(
      "expected a device that the driver shows, and it shows none, got 0",
    );
  });

  it("is a MIG instance that CUDA shows, by its number or UUID", async () => {
    standIn.split();
    const loadDriver = (): CudaDriver => loadCudaDriver({ libraryPaths: [standIn.path] });
    const instance = "MIG-a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf";
    for (const name of ["0", "MIG-a", instance]) {
      const found = await findGpu(name, { loadDriver });
      expect(found).toMatchObject({ gpu: { totalBytes: 128 * 2 ** 20, description: { uuid: instance } } });
    }
    const other = "MIG-d0d1d2d3-d4d5-d6d7-d8d9-dadbdcdddedf";
    for (const name of ["1", "MIG-d"]) {
      const found = await findGpu(name, { loadDriver });
      expect(found).toMatchObject({ gpu: { totalBytes: 128 * 2 ** 20, description: { uuid: other } } });
    }
    expect(readVisibleGpus(loadDriver)).toEqual([instance, other, second]);
    standIn.split("before-r570");
    for (const name of ["1", "MIG-d", first]) {
      expect(await findGpu(name, { loadDriver })).toEqual({
        problem:
          `expected a device among 0 (${instance}), got ${name}; CUDA shows the MIG instances that CUDA_VISIBLE_DEVICES ` +
          "names, or else the first of each GPU instance; with a driver before R570 only one, and no GPU beside it",
      });
    }
    expect(readVisibleGpus(loadDriver)).toEqual([instance]);
    standIn.setDevices({ count: 0, bytes: 1 });
    expect(readVisibleGpus(loadDriver)).toBeUndefined();
  });

  it("needs a driver of R525, whose version is said where it is known", async () => {
    const expected = "expected an NVIDIA driver of R525 or later, for CUDA 12.0, got";
    const old = { cudaVersion: "11.4" };
    expect(await problemOf("0", old, "470.256.02")).toBe(`${expected} 470.256.02, for CUDA up to 11.4`);
    expect(await problemOf("0", old)).toBe(`${expected} one, for CUDA up to 11.4`);
  });

  it("needs compute capability 8.0", async () => {
    const { functions } = standIn.driver;
    const capabilityMajor = 75;
    const cuDeviceGetAttribute = Object.assign(
      (...[out, id, handle]: Parameters<typeof functions.cuDeviceGetAttribute>) => {
        if (id !== capabilityMajor) return functions.cuDeviceGetAttribute(out, id, handle);
        (out as Int32Array)[0] = 7;
        return 0;
      },
      { async: () => undefined },
    );
    expect(await problemOf("0", { functions: { ...functions, cuDeviceGetAttribute } })).toBe(
      "expected a GPU of compute capability 8.0 or later, got Stand-in GPU 0 of 7.0",
    );
  });

  it("says what may hide it where the driver shows no device, as in a container", async () => {
    standIn.setDevices({ count: 0, bytes: 1 });
    const problem = async (environment: Record<string, string>): Promise<unknown> => {
      const loadDriver = (): CudaDriver => loadCudaDriver({ libraryPaths: [standIn.path], environment });
      return findGpu("0", { loadDriver });
    };
    expect(await problem({})).toEqual({
      problem: expect.stringMatching(/no device is visible .*NO_DEVICE.*; a container has the GPUs .*--gpus/),
    });
    expect(await problem({ CUDA_VISIBLE_DEVICES: "" })).toEqual({
      problem: expect.stringMatching(/; CUDA_VISIBLE_DEVICES is ""$/),
    });
  });
});
