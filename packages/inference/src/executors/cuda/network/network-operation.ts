import { InferenceError } from "../../../errors.ts";
import type { ProgramStep, Variant } from "./program.ts";
import type { MatrixWeight } from "./weight-uses.ts";

/** An operation, before the ways to compute it are chosen. */
export interface NetworkOperation extends Pick<ProgramStep, "reads" | "writes"> {
  /** What it does, but for its matrices: the same for the same operation of another expert. */
  readonly name: string;
  /** None, or one. */
  readonly matrices: readonly MatrixWeight[];
  /** With these matrices, of which each row has one. [its own] */
  readonly variants: (matrices?: readonly [MatrixWeight, ...MatrixWeight[]]) => readonly Variant[];
}

/**
 * Makes one network of those of all experts, which differ in their matrices only: each product has those of all.
 * @throws InferenceError `UNSUPPORTED_MODEL` where they differ in more
 */
export function joinExpertOperations(
  experts: readonly (readonly NetworkOperation[])[],
): readonly NetworkOperation[] {
  const [first = []] = experts;
  const nameOf = (operations: readonly NetworkOperation[]): string =>
    operations.map(({ name }) => name).join("\n");
  const different = experts.findIndex((operations) => nameOf(operations) !== nameOf(first));
  if (different !== -1) {
    const expected = "experts that differ in their matrices only";
    throw new InferenceError("UNSUPPORTED_MODEL", {
      expected,
      got: `another network of expert ${different}`,
    });
  }
  return first.map((operation, at): NetworkOperation => {
    const matrices = experts.flatMap((operations) => operations[at]!.matrices);
    const [one, ...others] = matrices;
    if (one === undefined) return operation;
    const { reads, writes, name } = operation;
    return { reads, writes, name, matrices, variants: () => operation.variants([one, ...others]) };
  });
}
