import { InferenceError } from "../../errors.ts";

/** What compiling a constraint may use. All are counts, so that a limit acts the same on every machine. */
export interface ConstraintLimits {
  /** Characters of the source: of a schema as JSON, of a pattern, of a grammar. */
  readonly sourceLength: number;
  /** Nesting of a schema, a pattern or a grammar. */
  readonly depth: number;
  readonly rules: number;
  readonly states: number;
  /** Elementary steps of compiling, such as an edge made or a pair of states visited. */
  readonly steps: number;
}

/** About a second of work on a slow core, and some tens of megabytes. */
export const defaultConstraintLimits: ConstraintLimits = Object.freeze({
  sourceLength: 1 << 20,
  depth: 256,
  rules: 20_000,
  states: 300_000,
  steps: 2_000_000,
});

/** Fills in the limits that are not given. @throws `INVALID_CONSTRAINT` for one that is unknown or not a positive integer */
export function resolveConstraintLimits(limits: Partial<ConstraintLimits> = {}): ConstraintLimits {
  for (const [name, value] of Object.entries(limits)) {
    if (!(name in defaultConstraintLimits) || !Number.isSafeInteger(value) || value < 1) {
      throw new InferenceError("INVALID_CONSTRAINT", {
        field: `limits.${name}`,
        expected: "a known limit with a positive integer",
        got: String(value),
      });
    }
  }
  return Object.freeze({ ...defaultConstraintLimits, ...limits });
}
