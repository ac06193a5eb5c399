import { describe, expect, it, vi } from "vitest";
import { cudaLibraryPaths, loadCudaDriver } from "../../../src/cuda/driver/cuda-driver.ts";
import { CudaError } from "../../../src/cuda/driver/cuda-error.ts";
import { MemoryError } from "../../../src/errors.ts";
import { describeOverStandIn } from "../stand-in/stand-in.ts";

function errorOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("loadCudaDriver", () => {
  it("knows the driver's library by platform", () => {
    expect(cudaLibraryPaths("linux")[0]).toBe("libcuda.so.1");
    expect(cudaLibraryPaths("win32")).toEqual(["nvcuda.dll"]);
    expect(cudaLibraryPaths("darwin")).toEqual([]);
  });
  it("fails without a driver, with the missing file", () => {
    const error = errorOf(() => loadCudaDriver({ libraryPaths: ["libcuda-that-is-not-there.so.1"] }));
    expect(error).toBeInstanceOf(MemoryError);
    expect(error).toMatchObject({ code: "CUDA_UNAVAILABLE" });
    expect(String(error)).toContain("libcuda-that-is-not-there.so.1");
  });
  it("fails on a platform without a driver", () => {
    expect(errorOf(() => loadCudaDriver({ platform: "darwin" }))).toMatchObject({
      code: "CUDA_UNAVAILABLE",
      message: expect.stringContaining("darwin"),
    });
  });
  it.runIf(process.platform === "linux")("lists the functions that a library lacks", () => {
    expect(errorOf(() => loadCudaDriver({ libraryPaths: ["libc.so.6"] }))).toMatchObject({
      code: "CUDA_UNAVAILABLE",
      message: expect.stringContaining("cuInit"),
    });
  });
});

describeOverStandIn("a CUDA driver", (standIn) => {
  it("has its CUDA version and its number of devices", () => {
    expect(standIn.driver).toMatchObject({ cudaVersion: "13.0", deviceCount: 2, path: standIn.path });
  });
  it("throws errors with CUDA's name and text, the call and the status", () => {
    standIn.fail("cuInit", 719);
    const error = errorOf(() => loadCudaDriver({ libraryPaths: [standIn.path] }));
    expect(error).toBeInstanceOf(CudaError);
    expect(error).toMatchObject({
      code: "CUDA_ERROR",
      call: "cuInit",
      status: 719,
      statusName: "CUDA_ERROR_LAUNCH_FAILED",
      message: "cuInit returned CUDA_ERROR_LAUNCH_FAILED (719): unspecified launch failure",
    });
  });
  it("is unavailable without a device, or without a visible one", () => {
    const unavailable = {
      code: "CUDA_UNAVAILABLE",
      message: expect.stringContaining("CUDA_ERROR_NO_DEVICE (100)"),
      cause: expect.objectContaining({ call: "cuInit", status: 100 }),
    };
    vi.stubEnv("CUDA_VISIBLE_DEVICES", "");
    expect(errorOf(() => loadCudaDriver({ libraryPaths: [standIn.path] }))).toMatchObject(unavailable);
    vi.unstubAllEnvs();
    standIn.setDevices({ count: 0, bytes: 1 });
    expect(errorOf(() => loadCudaDriver({ libraryPaths: [standIn.path] }))).toMatchObject(unavailable);
  });
  it("has the number of a status that the driver does not know", () => {
    standIn.fail("cuDriverGetVersion", 12_345);
    const error = errorOf(() => loadCudaDriver({ libraryPaths: [standIn.path] }));
    expect(error).toMatchObject({ statusName: "12345", status: 12_345 });
  });
});
