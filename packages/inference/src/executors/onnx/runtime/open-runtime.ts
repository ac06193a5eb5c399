import { openBindingRuntime } from "./binding-runtime.ts";
import type { ExecutorWarning } from "../../executor-provider.ts";
import type { OnnxRuntime } from "./runtime.ts";
import { selectRuntime } from "./select-runtime.ts";

type SelectedRuntime = Awaited<ReturnType<typeof selectRuntime>>;

/** Opens onnxruntime in the way that is asked for. @throws InferenceError `EXECUTOR_UNAVAILABLE` */
export async function openRuntime(
  preference: "auto" | "ffi" | "binding",
  warn: (warning: ExecutorWarning) => void,
): Promise<SelectedRuntime> {
  return selectRuntime(preference, { ffi: openFfi, binding: openBindingRuntime }, warn);
}

async function openFfi(): Promise<OnnxRuntime | { readonly reason: string }> {
  try {
    const { openFfiRuntime } = await import("./ffi/ffi-runtime.ts");
    return openFfiRuntime();
  } catch (error) {
    return { reason: `koffi cannot be loaded: ${error instanceof Error ? error.message : String(error)}` };
  }
}
