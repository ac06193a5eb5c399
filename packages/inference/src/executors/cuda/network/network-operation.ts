import type { Activation, NormStyle } from "@infernode/models";
import { InferenceError } from "../../../errors.ts";
import type { DeviceValue, ProgramStep, RowKind, Variant } from "./program.ts";
import type { ExpertTiles } from "./products/expert-tiles.ts";
import type { DeviceNormWeights } from "./norm-launch.ts";
import type { RotateRequest } from "./rotate-launch.ts";
import type { MatrixWeight } from "./weight-uses.ts";

/** An operation, before the ways to compute it are chosen. */
export interface NetworkOperation extends Pick<ProgramStep, "reads" | "writes"> {
  /** What it does, but for its matrices: the same for the same operation of another expert. */
  readonly name: string;
  /** None, or one. */
  readonly matrices: readonly MatrixWeight[];
  /** What fusions can make a part of more. */
  readonly detail?: OperationDetail | undefined;
  /** With these matrices, of which each row has one. [its own] */
  readonly variants: (workspace: Workspace, matrices?: RowMatrices) => readonly Variant[];
  /** The value that it reads in 16 bits only, if any; with these matrices. [its own] */
  readonly narrowInput?: ((matrices?: RowMatrices) => NarrowInput | undefined) | undefined;
  /** How it writes a value in 16 bits instead of float32. */
  readonly narrowOutput?: NarrowOutput | undefined;
}

type RowMatrices = readonly [MatrixWeight, ...MatrixWeight[]];

/** A value, and the type of 16 bits in which it is read. */
export interface NarrowInput {
  readonly x: DeviceValue;
  readonly type: NarrowType;
}

/** A value of float32, and the ways to write `narrowed` in its place. */
export interface NarrowOutput {
  readonly out: DeviceValue;
  readonly variants: (workspace: Workspace, narrowed: DeviceValue, type: NarrowType) => readonly Variant[];
}

/** Operations that fusions know. */
export type OperationDetail =
  | ({ readonly kind: "norm"; readonly out: DeviceValue; readonly x: DeviceValue } & NormDetail)
  | {
      readonly kind: "activation";
      readonly out: DeviceValue;
      readonly x: DeviceValue;
      readonly activation: Activation | "sigmoid";
    }
  | {
      readonly kind: "add" | "multiply";
      readonly out: DeviceValue;
      readonly a: DeviceValue;
      readonly b: DeviceValue;
    }
  | ({ readonly kind: "product"; readonly out: DeviceValue } & ProductDetail)
  | ({ readonly kind: "rotation" } & RotateRequest);

/** A product of all rows, or of those of experts. */
export interface ProductDetail {
  readonly x: DeviceValue;
  readonly tiles: ExpertTiles | undefined;
  readonly usesTensorCores: boolean;
  readonly usesLibrary: boolean;
}

interface NormDetail {
  readonly weights: DeviceNormWeights;
  readonly style: NormStyle;
}

/** Makes fewer operations of a network's. */
export type Fusion = (operations: readonly NetworkOperation[]) => readonly NetworkOperation[];

/** What ways to compute an operation may need beside its values. */
export interface Workspace {
  /** Creates a value that is used within one operation only: it shares memory with those of others. */
  readonly scratch: (width: number, rows: RowKind) => DeviceValue;
  /** A value in 16 bits, `(rows, width)`; made once for all operations that read it. */
  readonly narrow: (x: DeviceValue, type: NarrowType) => DeviceValue;
}

/** Numbers of 16 bits. */
export type NarrowType = "bf16" | "f16";

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
    const { reads, writes, name, narrowInput, detail } = operation;
    return {
      reads,
      writes,
      name,
      matrices,
      detail,
      variants: (workspace) => operation.variants(workspace, [one, ...others]),
      narrowInput: narrowInput && (() => narrowInput([one, ...others])),
    };
  });
}
