import { InferenceError, reasonOf } from "../../../errors.ts";
import type { ExecutorWarning } from "../../executor-provider.ts";
import { openBindingRuntime } from "./binding-runtime.ts";
import type { OnnxRuntime } from "./runtime.ts";

type Opened = OnnxRuntime | { readonly reason: string };

/** The ways to open the runtime; each may return why it cannot. */
export interface RuntimeOpeners {
  ffi(): Promise<Opened>;
  binding(): Promise<Opened>;
}

const onnxruntimeOpeners: RuntimeOpeners = {
  ffi: async () => {
    try {
      const { openFfiRuntime } = await import("./ffi/ffi-runtime.ts");
      return openFfiRuntime();
    } catch (error) {
      return { reason: `koffi cannot be loaded: ${reasonOf(error)}` };
    }
  },
  binding: openBindingRuntime,
};

/**
 * Opens onnxruntime in the requested way. `auto` takes the binding only if the C API cannot be used, and warns with
 * the reason.
 *
 * @throws InferenceError `EXECUTOR_UNAVAILABLE`
 */
export async function openRuntime(
  preference: "auto" | keyof RuntimeOpeners,
  warn: (warning: ExecutorWarning) => void,
  openers: RuntimeOpeners = onnxruntimeOpeners,
): Promise<{ readonly runtime: OnnxRuntime; readonly fallbackReason: string | undefined }> {
  const first = await (preference === "binding" ? openers.binding() : openers.ffi());
  if (!("reason" in first)) return { runtime: first, fallbackReason: undefined };
  if (preference !== "auto") throw unavailable(first.reason);
  const second = await openers.binding();
  if ("reason" in second) throw unavailable(`${first.reason}; ${second.reason}`);
  const message =
    `onnxruntime's C API cannot be used (${first.reason}); ` +
    "its Node binding is used instead, which blocks the event loop and is slower";
  warn({ code: "FFI_UNAVAILABLE", message });
  return { runtime: second, fallbackReason: first.reason };
}

function unavailable(reason: string): InferenceError {
  return new InferenceError("EXECUTOR_UNAVAILABLE", `onnxruntime cannot be used here: ${reason}`);
}
