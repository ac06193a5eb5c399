import { type ConstraintSource, isLeaf } from "./sources/constraint-source.ts";
import { assembleProgram } from "./program/assemble-program.ts";
import { Budget } from "./program/budget.ts";
import { type ConstraintLimits, resolveConstraintLimits } from "./program/limits.ts";
import type { ConstraintProgram } from "./program/program.ts";
import { ProgramBuilder } from "./program/program-builder.ts";
import { sourceExpression } from "./sources/source-expression.ts";

/**
 * Compiles a constraint to a program that matchers run. A source that cannot be enforced as a whole is refused; the
 * work and the size are bounded by counts.
 * @throws ConstraintError `INVALID_CONSTRAINT` if the source is malformed or nothing matches it,
 *   `UNSUPPORTED_CONSTRAINT` for a keyword or construct that cannot be enforced, `CONSTRAINT_TOO_LARGE` over a limit
 */
export function compileConstraint(
  source: ConstraintSource,
  limits?: Partial<ConstraintLimits>,
): ConstraintProgram {
  const builder = new ProgramBuilder(new Budget(resolveConstraintLimits(limits), "source"));
  if (isLeaf(source)) {
    const expression = sourceExpression(source, builder);
    if (expression.kind !== "call") builder.addRule(expression);
  } else {
    const rule = builder.declareRule();
    const expression = sourceExpression(source, builder);
    builder.budget.path = "source";
    builder.defineRule(rule, expression);
  }
  return assembleProgram(builder);
}
