import { describe, expect, it } from "vitest";
import {
  assertPlanFits,
  createCpuDevice,
  ModelDoesNotFitError,
  readAvailableMemory,
} from "../../src/index.ts";

const gib = 2 ** 30;
const plan = {
  model: "llama-8b",
  deviceId: "cpu",
  bytes: { weights: 15 * gib, "kv-cache": 2 * gib, activations: 0.5 * gib },
} as const;

describe("assertPlanFits", () => {
  it("accepts a plan that fits to the byte", () => {
    expect(() => assertPlanFits(plan, { deviceId: "cpu", availableBytes: 17.5 * gib })).not.toThrow();
  });

  it("refuses with the bytes of each purpose", () => {
    const available = { deviceId: "cpu", availableBytes: 16 * gib };
    expect(() => assertPlanFits(plan, available)).toThrow(
      expect.objectContaining({
        code: "MODEL_DOES_NOT_FIT",
        requiredBytes: 17.5 * gib,
        availableBytes: 16 * gib,
        plan,
        message:
          "llama-8b: expected 17.5 GiB available on cpu (weights 15.0 GiB, kv-cache 2.00 GiB, activations 512 MiB), " +
          "got 16.0 GiB: 1.50 GiB too little",
      }),
    );
    expect(() => assertPlanFits(plan, available)).toThrow(ModelDoesNotFitError);
  });

  it("compares with the free memory of a device, and with a limit", () => {
    const device = createCpuDevice({
      readMemory: () => ({ totalBytes: 32 * gib, freeBytes: 20 * gib, limitedBy: "system" }),
    });
    expect(readAvailableMemory(device).availableBytes).toBe(20 * gib);
    expect(() => assertPlanFits(plan, readAvailableMemory(device))).not.toThrow();
    expect(() => assertPlanFits(plan, readAvailableMemory(device, 10 * gib))).toThrow(/got 10.0 GiB/);
  });

  it("refuses to compare different devices", () => {
    expect(() => assertPlanFits(plan, { deviceId: "cuda:0", availableBytes: 1 })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });
});
