import { EngineRequestError } from "../errors.ts";
import { describePrompt } from "./describe-prompt.ts";
import { generate } from "./generate.ts";
import type { AnyOperation } from "./operation.ts";
import { loadAdapter } from "./load-adapter.ts";
import { retireAdapter } from "./retire-adapter.ts";
import { tokenize } from "./tokenize.ts";

/** The operations of an engine: a new one is a file and a line here. */
export const operations: readonly AnyOperation[] = [
  generate,
  tokenize,
  describePrompt,
  loadAdapter,
  retireAdapter,
];

/** Finds operations by name. */
export type FindOperation = (name: string) => AnyOperation;

/** Creates the look-up of a registry, which throws EngineRequestError `UNKNOWN_OPERATION`. */
export function createOperationFinder(registry: readonly AnyOperation[]): FindOperation {
  const byName = new Map(registry.map((operation) => [operation.name, operation]));
  return (name) => {
    const operation = byName.get(name);
    if (operation !== undefined) return operation;
    throw new EngineRequestError({
      code: "UNKNOWN_OPERATION",
      message: `expected an operation of ${[...byName.keys()].join(", ")}, got ${JSON.stringify(name)}`,
    });
  };
}
