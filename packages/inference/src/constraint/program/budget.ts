import { ConstraintError } from "./constraint-error.ts";
import type { ConstraintLimits } from "./limits.ts";

/** Counts the work of compiling one constraint against its limits. */
export class Budget {
  readonly limits: ConstraintLimits;
  /** What is being compiled; errors of exceeded limits name it. */
  path: string;
  #steps = 0;

  constructor(limits: ConstraintLimits, path: string) {
    this.limits = limits;
    this.path = path;
  }

  /** Elementary steps so far. */
  get steps(): number {
    return this.#steps;
  }

  /** @throws ConstraintError `CONSTRAINT_TOO_LARGE` past the limit of steps */
  spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > this.limits.steps) this.exceed("steps", this.#steps);
  }

  /** @throws ConstraintError `CONSTRAINT_TOO_LARGE` if a count is over its limit */
  check(limit: keyof ConstraintLimits, count: number): void {
    if (count > this.limits[limit]) this.exceed(limit, count);
  }

  exceed(limit: keyof ConstraintLimits, count: number): never {
    throw new ConstraintError("CONSTRAINT_TOO_LARGE", {
      path: this.path,
      expected: `at most ${this.limits[limit]} ${names[limit]}`,
      got: `${count} or more`,
    });
  }
}

const names: Readonly<Record<keyof ConstraintLimits, string>> = {
  sourceLength: "characters",
  depth: "levels of nesting",
  rules: "rules",
  states: "states",
  steps: "steps of compiling",
};
