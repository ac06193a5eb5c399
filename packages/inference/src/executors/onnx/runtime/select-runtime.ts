import { InferenceError } from "../../../errors.ts";
import type { ExecutorWarning } from "../../executor-provider.ts";
import type { OnnxRuntime } from "./runtime.ts";

type Opened = OnnxRuntime | { readonly reason: string };

/** The ways to open the runtime; each may answer why it cannot. */
export interface RuntimeOpeners {
  ffi(): Promise<Opened>;
  binding(): Promise<Opened>;
}

/**
 * Opens the runtime that was asked for. `auto` takes the binding only when the C API cannot be used,
 * and warns with the reason.
 *
 * @throws InferenceError `EXECUTOR_UNAVAILABLE`
 */
export async function selectRuntime(
  preference: "auto" | "ffi" | "binding",
  openers: RuntimeOpeners,
  warn: (warning: ExecutorWarning) => void,
): Promise<{ readonly runtime: OnnxRuntime; readonly fallbackReason: string | undefined }> {
  if (preference === "binding") {
    return { runtime: expect(await openers.binding()), fallbackReason: undefined };
  }
  const ffi = await openers.ffi();
  if (!("reason" in ffi)) return { runtime: ffi, fallbackReason: undefined };
  if (preference === "ffi") return { runtime: expect(ffi), fallbackReason: undefined };
  const runtime = expect(await openers.binding(), ffi.reason);
  warn({
    code: "FFI_UNAVAILABLE",
    message:
      `onnxruntime's C API cannot be used (${ffi.reason}); its Node binding takes its place, which blocks ` +
      "the event loop and is slower",
  });
  return { runtime, fallbackReason: ffi.reason };
}

function expect(opened: Opened, earlierReason?: string): OnnxRuntime {
  if (!("reason" in opened)) return opened;
  const reasons = [earlierReason, opened.reason].filter((reason) => reason !== undefined).join("; ");
  throw new InferenceError("EXECUTOR_UNAVAILABLE", `onnxruntime cannot be used here: ${reasons}`);
}
