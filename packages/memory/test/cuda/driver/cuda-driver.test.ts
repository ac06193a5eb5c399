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
  it("names the driver's library on the platforms that have one", () => {
    expect(cudaLibraryPaths("linux")[0]).toBe("libcuda.so.1");
    expect(cudaLibraryPaths("win32")).toEqual(["nvcuda.dll"]);
    expect(cudaLibraryPaths("darwin")).toEqual([]);
  });
  it("says that there is no driver, and which file it looked for", () => {
    const error = errorOf(() => loadCudaDriver({ libraryPaths: ["libcuda-that-is-not-there.so.1"] }));
    expect(error).toBeInstanceOf(MemoryError);
    expect(error).toMatchObject({ code: "CUDA_UNAVAILABLE" });
    expect(String(error)).toContain("libcuda-that-is-not-there.so.1");
  });
  it("says that a platform has no driver", () => {
    expect(errorOf(() => loadCudaDriver({ platform: "darwin" }))).toMatchObject({
      code: "CUDA_UNAVAILABLE",
      message: expect.stringContaining("darwin"),
    });
  });
  it.runIf(process.platform === "linux")("names the functions that a library lacks", () => {
    expect(errorOf(() => loadCudaDriver({ libraryPaths: ["libc.so.6"] }))).toMatchObject({
      code: "CUDA_UNAVAILABLE",
      message: expect.stringContaining("cuInit"),
    });
  });
});

describeOverStandIn("a CUDA driver", (standIn) => {
  it("tells its CUDA version and how many devices it shows", () => {
    expect(standIn.driver).toMatchObject({ cudaVersion: "13.0", deviceCount: 2, path: standIn.path });
  });
  it("carries CUDA's own name and text, the call and the status in errors", () => {
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
  it("is unavailable where there is no device, or none is shown", () => {
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
  it("gives the number of a status that the driver does not know", () => {
    standIn.fail("cuDriverGetVersion", 12_345);
    const error = errorOf(() => loadCudaDriver({ libraryPaths: [standIn.path] }));
    expect(error).toMatchObject({ statusName: "12345", status: 12_345 });
  });
});
