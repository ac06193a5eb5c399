import { InferenceError, reasonOf } from "../errors.ts";

/** An error of the engine as it is, or another one as a failure of the executor. */
export function asInferenceError(cause: unknown): InferenceError {
  if (cause instanceof InferenceError) return cause;
  return new InferenceError("EXECUTOR_FAILED", `the forward pass failed: ${reasonOf(cause)}`, { cause });
}
