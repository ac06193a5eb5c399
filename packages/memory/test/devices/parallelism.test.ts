import { describe, expect, it } from "vitest";
import { computeWorldSize, resolveParallelism } from "../../src/index.ts";

describe("computeWorldSize", () => {
  it("multiplies the sizes that need additional devices", () => {
    expect(computeWorldSize({ tp: 4, pp: 2, dp: 3, cp: 2, dcp: 2 })).toEqual({
      tensor: 4,
      pipeline: 2,
      data: 3,
      context: 2,
      decodeContext: 2,
      replicaSize: 16,
      worldSize: 48,
    });
  });

  it("is one device without parameters", () => {
    expect(computeWorldSize({}).worldSize).toBe(1);
  });

  it("refuses a decode-context size that does not divide the tensor-parallel size", () => {
    expect(() => computeWorldSize({ tp: 4, dcp: 3 })).toThrow(
      expect.objectContaining({
        code: "PARALLELISM_CONFLICT",
        message: expect.stringContaining("size 4, got 3"),
      }),
    );
  });
});

describe("resolveParallelism", () => {
  it.each([
    ["tp", "tensor"],
    ["tp-size", "tensor"],
    ["tp_size", "tensor"],
    ["tensor_parallel_size", "tensor"],
    ["tensor-parallel-size", "tensor"],
    ["--tensor-parallel-size", "tensor"],
    ["tensorParallelSize", "tensor"],
    ["pp", "pipeline"],
    ["pp_size", "pipeline"],
    ["pipeline-parallel-size", "pipeline"],
    ["dp", "data"],
    ["dp-size", "data"],
    ["data_parallel_size", "data"],
    ["cp", "context"],
    ["cp_size", "context"],
    ["context-parallel-size", "context"],
    ["prefill_context_parallel_size", "context"],
    ["dcp", "decodeContext"],
    ["decode_context_parallel_size", "decodeContext"],
  ] as const)("accepts %s", (name, dimension) => {
    expect(resolveParallelism({ [name]: 2, "max-model-len": 4096 })).toEqual({
      tensor: 1,
      pipeline: 1,
      data: 1,
      context: 1,
      decodeContext: 1,
      [dimension]: 2,
    });
  });

  it("reads numbers from a command line", () => {
    expect(resolveParallelism({ tp: "8" }).tensor).toBe(8);
  });

  it("accepts two names with equal values", () => {
    expect(resolveParallelism({ tp: 2, "tensor-parallel-size": "2" }).tensor).toBe(2);
  });

  it("refuses two names with different values", () => {
    expect(() => resolveParallelism({ "tp-size": 2, tensor_parallel_size: 4 })).toThrow(
      expect.objectContaining({
        code: "PARALLELISM_CONFLICT",
        message: "tp-size and tensor_parallel_size: expected one tensor-parallel size, got 2 and 4",
      }),
    );
  });

  it("ignores parameters that are undefined or null", () => {
    expect(resolveParallelism({ tp: undefined, pp: null }).tensor).toBe(1);
  });

  it.each([0, -2, 1.5, "two", "", true, Number.NaN])("refuses %o", (value) => {
    expect(() => resolveParallelism({ tp: value })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });
});
