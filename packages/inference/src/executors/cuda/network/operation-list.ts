import { InferenceError } from "../../../errors.ts";
import {
  type Fusion,
  joinExpertOperations,
  type NetworkOperation,
  type Workspace,
} from "./network-operation.ts";
import { narrowStep } from "./many-row-products.ts";
import type { ExpertTiles } from "./expert-tiles.ts";
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
    const narrowed = new Map<string, DeviceValue>();
    for (const { reads, writes, variants } of operations) {
      const read = [...reads];
      const written = [...writes];
      const workspace: Workspace = {
        scratch: (width, rows) => {
          const value = this.value(width, rows);
          written.push(value);
          return value;
        },
        narrow: (x, type) => {
          const key = `${x.id} ${type}`;
          const known = narrowed.get(key);
          // Two numbers take the place of one.
          const value = known ?? this.value(x.width / 2, x.rows);
          if (known === undefined) steps.push(narrowStep(value, x, type));
          narrowed.set(key, value);
          read.push(value);
          return value;
        },
      };
      steps.push({ variants: variants(workspace), reads: read, writes: written });
    }
    return steps;
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
