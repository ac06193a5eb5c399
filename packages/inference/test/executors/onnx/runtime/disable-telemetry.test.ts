import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import {
  disableTelemetry,
  telemetrySwitch,
} from "../../../../src/executors/onnx/runtime/disable-telemetry.ts";
import {
  getNativeVariable,
  setNativeVariable,
} from "../../../../src/executors/onnx/runtime/ffi/native-environment.ts";

describe("disableTelemetry", () => {
  it("sets the variable where native code sees it", async () => {
    delete process.env[telemetrySwitch];
    expect(await disableTelemetry()).toBeUndefined();
    expect(getNativeVariable(telemetrySwitch)).toBe("1");
  });
});

describe("setNativeVariable", () => {
  it("is seen by the main thread's environment", () => {
    setNativeVariable("INFERNODE_NATIVE_TEST", "a");
    expect(process.env["INFERNODE_NATIVE_TEST"]).toBe("a");
  });

  it("differs from a worker's copy of the environment, which native code does not see", async () => {
    const worker = new Worker('process.env.INFERNODE_COPY_TEST = "a"', { eval: true });
    await once(worker, "exit");
    expect(getNativeVariable("INFERNODE_COPY_TEST")).toBeNull();
  });
});
