import { isMainThread } from "node:worker_threads";

/**
 * Set to 1, onnxruntime writes no device id and no database into the user's cache folder, no log into the
 * temporary folder, and sends nothing. The library reads it when it is loaded.
 */
export const telemetrySwitch: string = "ORT_DISABLE_TELEMETRY";

/** Switches onnxruntime's telemetry off for this process, before the library is loaded; or says why it cannot. */
export async function disableTelemetry(): Promise<{ readonly reason: string } | undefined> {
  if (isMainThread) {
    process.env[telemetrySwitch] = "1";
    return undefined;
  }
  // In a worker thread `process.env` is a copy, which native code does not see.
  try {
    const { setNativeVariable } = await import("./ffi/native-environment.ts");
    setNativeVariable(telemetrySwitch, "1");
    return undefined;
  } catch (error) {
    // Without koffi, what the program was started with is all that one can see.
    if (process.env[telemetrySwitch] === "1") return undefined;
    const found = error instanceof Error ? error.message : String(error);
    return {
      reason:
        `onnxruntime's telemetry cannot be switched off from this worker thread (${found}); ` +
        `start the program with ${telemetrySwitch}=1`,
    };
  }
}
