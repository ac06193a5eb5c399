import { createContext, Script } from "node:vm";

/** A function that was stopped because it ran longer than its limit. */
export class TimeLimitError extends Error {
  override readonly name: string = "TimeLimitError";

  constructor(timeoutMs: number) {
    super(`did not end within ${timeoutMs} ms`);
  }
}

/** Runs a function on this thread and stops it after a timeout. @throws TimeLimitError */
export type TimeLimit = <T>(timeoutMs: number, run: () => T) => T;

/**
 * Makes a time limit that holds within loops and within one match of a regular expression: V8 interrupts the
 * script that calls the function. A call takes about 0.1 ms more than without.
 */
export function createTimeLimit(): TimeLimit {
  const script = new Script("run()");
  const context = createContext({ run: undefined });
  return <T>(timeoutMs: number, run: () => T): T => {
    let result: { readonly value: T } | undefined;
    const outer: unknown = context["run"];
    context["run"] = (): void => {
      result = { value: run() };
    };
    try {
      script.runInContext(context, { timeout: timeoutMs });
    } catch (error) {
      if (isTimeout(error)) {
        throw new TimeLimitError(timeoutMs);
      }
      throw error;
    } finally {
      context["run"] = outer;
    }
    if (result === undefined) {
      throw new TimeLimitError(timeoutMs);
    }
    return result.value;
  };
}

/** The error comes from the script's context, so it is not an instance of this context's `Error`. */
function isTimeout(error: unknown): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    "code" in error &&
    error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT"
  );
}
