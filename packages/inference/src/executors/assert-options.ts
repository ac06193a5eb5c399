import { InferenceError, quoteValue } from "../errors.ts";
import type { MemoryPort } from "../ports.ts";
import type { ExecutorModel, ExecutorOptions } from "./executor-provider.ts";

// What types say of options, for callers without them. All throw InferenceError `INVALID_EXECUTOR_OPTIONS`.

/** The error of an option. */
export function invalidOption(field: string, expected: string, value: unknown): InferenceError {
  return new InferenceError("INVALID_EXECUTOR_OPTIONS", { field, expected, got: quoteValue(value) });
}

/** Of a value without some of the members that it must have, their names. */
export function missingMembers(
  value: unknown,
  members: Readonly<Record<string, "function" | "object">>,
): readonly string[] {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) {
    return Object.keys(members);
  }
  return Object.entries(members)
    .filter(([name, type]) => {
      const member: unknown = Reflect.get(value, name);
      return member === null || typeof member !== type;
    })
    .map(([name]) => name);
}

/** Options that every executor has. */
export function assertOptions(options: Partial<ExecutorOptions>, known: readonly string[]): void {
  assertKnownKeys(options, known);
  for (const name of ["onWarning", "onRuntimeOpened", "onDeviceLost"] as const) {
    const listener: unknown = options[name];
    if (listener !== undefined && typeof listener !== "function") {
      throw invalidOption(name, "a function", listener);
    }
  }
  const { kvRanges, productLibraryPath } = options;
  if (productLibraryPath !== undefined && typeof productLibraryPath !== "string") {
    throw invalidOption("productLibraryPath", "the name of a file", productLibraryPath);
  }
  const members = { tokenIds: "function", read: "function", write: "function" } as const;
  if (kvRanges !== undefined && missingMembers(kvRanges, members).length > 0) {
    throw invalidOption("kvRanges", "an object with the functions tokenIds, read and write", kvRanges);
  }
}

/** The parts of a loaded model. */
export function assertModel(model: ExecutorModel): void {
  const [missing] = missingMembers(model, { config: "object", architecture: "object", weights: "object" });
  if (missing === undefined) return;
  const expected = "a model of @infernode/models";
  if (typeof model !== "object" || model === null) throw invalidOption("model", expected, model);
  throw invalidOption(`model.${missing}`, expected, model[missing as keyof ExecutorModel]);
}

/** A pool of host memory. */
export function assertMemory(memory: MemoryPort): void {
  if (missingMembers(memory, { allocate: "function" }).length === 0) return;
  throw invalidOption("memory", "a pool of memory with the function allocate", memory);
}

/** Options that only other executors use. */
export function assertUnset(
  options: Partial<ExecutorOptions>,
  names: readonly (keyof ExecutorOptions)[],
): void {
  for (const name of names) {
    if (options[name] === undefined) continue;
    throw invalidOption(name, "none with this executor, which does not use it", options[name]);
  }
}

export function assertKnownKeys(options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) throw invalidOption("options", "an object", options);
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw invalidOption("options", `fields among ${known.join(", ")}`, key);
  }
}

export function assertCount(name: string, value: number, limit: number): void {
  if (!isCount(value, limit)) {
    throw invalidOption(name, `an integer from 1 to ${limit}`, value);
  }
}

export function isCount(value: number, limit: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= limit;
}
