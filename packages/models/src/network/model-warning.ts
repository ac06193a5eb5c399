import { listNames } from "../errors.ts";

/** A problem of a checkpoint that does not prevent loading. */
export interface ModelWarning {
  /**
   * `HEAD_NOT_TIED`: the config ties head and embedding, but their weights differ. `TEXT_ONLY`: the model takes more than
   * text, and that part is not read.
   */
  readonly code: "HEAD_NOT_TIED" | "UNUSED_TENSORS" | "TEXT_ONLY";
  readonly message: string;
}

/** Creates the warning about unused tensors; `undefined` where there are none. */
export function unusedTensorsWarning(names: readonly string[]): ModelWarning | undefined {
  if (names.length === 0) return undefined;
  return {
    code: "UNUSED_TENSORS",
    message: `the network does not use ${countOf(names)} of the checkpoint: ${listNames(names, 3)}`,
  };
}

/** The warning about a model that takes more than text, where its tensors are not known. */
export const textPartWarning: ModelWarning = {
  code: "TEXT_ONLY",
  message: "only the text part of the model is served",
};

/** Creates the warning about tensors of parts that are not served; `undefined` where there are none. */
export function textOnlyWarning(names: readonly string[]): ModelWarning | undefined {
  if (names.length === 0) return undefined;
  const parts = new Set(
    names.map((name) =>
      name
        .replace(/^model\./, "")
        .split(".", 1)
        .join(""),
    ),
  );
  return {
    code: "TEXT_ONLY",
    message: `${textPartWarning.message}: ${countOf(names)} of ${[...parts].join(", ")} are not read`,
  };
}

function countOf(names: readonly string[]): string {
  return names.length === 1 ? "1 tensor" : `${names.length} tensors`;
}
