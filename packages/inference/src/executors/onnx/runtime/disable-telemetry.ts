import { isMainThread } from "node:worker_threads";
import { reasonOf } from "../../../errors.ts";

/**
 * Set to 1, onnxruntime writes no device id and no database into the user's cache directory, no log into the temporary
 * directory, and sends nothing. The library reads it when it is loaded.
 */
export const telemetrySwitch: string = "ORT_DISABLE_TELEMETRY";

/** Disables onnxruntime's telemetry for this process before the library is loaded, or returns why it cannot. */
export async function disableTelemetry(): Promise<{ readonly reason: string } | undefined> {
  if (isMainThread) {
    process.env[telemetrySwitch] = "1";
    return undefined;
  }
  // In a worker thread `process.env` is a copy that native code does not see.
  try {
    const { setNativeVariable } = await import("./ffi/native-environment.ts");
    setNativeVariable(telemetrySwitch, "1");
    return undefined;
  } catch (error) {
    // Without koffi, only the variable that the program was started with is known.
    if (process.env[telemetrySwitch] === "1") return undefined;
    const advice = `start the program with ${telemetrySwitch}=1`;
    return {
      reason: `onnxruntime's telemetry cannot be disabled from this worker thread (${reasonOf(error)}); ${advice}`,
    };
  }
}
