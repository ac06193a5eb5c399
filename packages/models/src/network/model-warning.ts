import { listNames } from "../errors.ts";

/** A problem of a checkpoint that does not prevent loading. */
export interface ModelWarning {
  /** `HEAD_NOT_TIED`: the config ties head and embedding, but their weights differ. */
  readonly code: "HEAD_NOT_TIED" | "UNUSED_TENSORS";
  readonly message: string;
}

/** Creates the warning about unused tensors; `undefined` where there are none. */
export function unusedTensorsWarning(names: readonly string[]): ModelWarning | undefined {
  if (names.length === 0) return undefined;
  const what = names.length === 1 ? "1 tensor" : `${names.length} tensors`;
  return {
    code: "UNUSED_TENSORS",
    message: `the network does not use ${what} of the checkpoint: ${listNames(names, 3)}`,
  };
}
