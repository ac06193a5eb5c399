import { InferenceError } from "../../../errors.ts";
import {
  type Fusion,
  joinExpertOperations,
  type NetworkOperation,
  type Workspace,
} from "./network-operation.ts";
import type { ExpertTiles } from "./products/expert-tiles.ts";
import { createNarrowValues } from "./products/narrow-values.ts";
import type { DeviceValue, KernelLaunch, ProgramStep, RowKind } from "./program.ts";

const perToken: RowKind = { of: "tokens", factor: 1 };

/** Collects the operations of a network, and numbers its values. */
export class OperationList {
  #operations: NetworkOperation[] = [];
  #valueCount = 0;
  #tiles: ExpertTiles | undefined;

  /** Fuses operations, and chooses the ways to compute each. */
  steps(fusions: readonly Fusion[]): readonly ProgramStep[] {
    const operations = fusions.reduce<readonly NetworkOperation[]>(
      (before, fuse) => fuse(before),
      this.#operations,
    );
    const steps: ProgramStep[] = [];
    const narrowValues = createNarrowValues(operations, (width, rows) => this.value(width, rows));
    for (const operation of operations) {
      const { reads, narrowInput } = operation;
      const { writes, variants } = narrowValues.written(operation) ?? operation;
      const narrowedId = narrowInput?.()?.x.id;
      const read = reads.filter(({ id }) => id !== narrowedId);
      const written = [...writes];
      const workspace: Workspace = {
        scratch: (width, rows) => {
          const value = this.value(width, rows);
          written.push(value);
          return value;
        },
        narrow: (x, type) => {
          const { narrowed, step } = narrowValues.read(x, type);
          if (step !== undefined) steps.push(step);
          read.push(narrowed);
          return narrowed;
        },
      };
      steps.push({ variants: variants(workspace), reads: read, writes: written });
    }
    return steps;
  }

  /** Whether any operation reads a value in 16 bits. */
  get hasNarrowInputs(): boolean {
    return this.#operations.some(({ narrowInput }) => narrowInput?.() !== undefined);
  }

  get valueCount(): number {
    return this.#valueCount;
  }

  /** The rows of experts, among experts. */
  get tiles(): ExpertTiles | undefined {
    return this.#tiles;
  }

  /** Creates a value. [a row for each token, or for each pair of a token and an expert among experts] */
  value(width: number, rows: RowKind = this.#tiles?.chosen.rows ?? perToken): DeviceValue {
    this.#valueCount += 1;
    return { id: this.#valueCount - 1, width, rows };
  }

  add(operation: NetworkOperation): void {
    this.#operations.push(operation);
  }

  /** Adds a launch that makes a value of others. */
  launch(launch: KernelLaunch, uses: Pick<NetworkOperation, "reads" | "writes" | "detail">): void {
    this.add({
      ...uses,
      name: `${launch.entry} ${JSON.stringify(launch.operands)}`,
      matrices: [],
      variants: () => [{ fits: () => true, launches: [launch] }],
    });
  }

  /** Builds all experts, which differ in their matrices only, as one network of all pairs of a token and an expert. */
  buildExperts(tiles: ExpertTiles, build: (index: number) => DeviceValue): DeviceValue {
    const outer = this.#operations;
    const firstValue = this.#valueCount;
    this.#tiles = tiles;
    let result: DeviceValue | undefined;
    const networks = Array.from({ length: tiles.expertCount }, (_, index) => {
      this.#operations = [];
      // So that the values of all have the same numbers.
      this.#valueCount = firstValue;
      result = build(index);
      return this.#operations;
    });
    this.#operations = [...outer, ...joinExpertOperations(networks)];
    this.#tiles = undefined;
    if (result !== undefined) return result;
    const mismatch = { field: "expertCount", expected: "experts", got: tiles.expertCount };
    throw new InferenceError("UNSUPPORTED_MODEL", mismatch);
  }
}
