import { InferenceError } from "../../../errors.ts";
import { joinExpertOperations, type NetworkOperation } from "./network-operation.ts";
import type { DeviceValue, KernelLaunch, RowKind } from "./program.ts";

const perToken: RowKind = { of: "tokens", factor: 1 };

/** What experts are built for. */
interface ExpertRows {
  readonly expertCount: number;
  /** Pairs of a token and an expert. */
  readonly rows: RowKind;
  /** The expert of each pair. */
  readonly matrixOf: DeviceValue;
}

/** Collects the operations of a network, and numbers its values. */
export class OperationList {
  #operations: NetworkOperation[] = [];
  #valueCount = 0;
  #experts: ExpertRows | undefined;

  get operations(): readonly NetworkOperation[] {
    return this.#operations;
  }

  get valueCount(): number {
    return this.#valueCount;
  }

  /** Which matrix each row takes, among experts. */
  get matrixOf(): DeviceValue | undefined {
    return this.#experts?.matrixOf;
  }

  /** Creates a value. [a row for each token, or for each pair of a token and an expert among experts] */
  value(width: number, rows: RowKind = this.#experts?.rows ?? perToken): DeviceValue {
    this.#valueCount += 1;
    return { id: this.#valueCount - 1, width, rows };
  }

  add(operation: NetworkOperation): void {
    this.#operations.push(operation);
  }

  /** Adds a launch that makes a value of others. */
  launch(launch: KernelLaunch, uses: Pick<NetworkOperation, "reads" | "writes">): void {
    this.add({
      ...uses,
      name: `${launch.entry} ${JSON.stringify(launch.operands)}`,
      matrices: [],
      variants: () => [{ fits: () => true, launches: [launch] }],
    });
  }

  /** Builds all experts, which differ in their matrices only, as one network of all pairs of a token and an expert. */
  buildExperts(experts: ExpertRows, build: (index: number) => DeviceValue): DeviceValue {
    const outer = this.#operations;
    const firstValue = this.#valueCount;
    this.#experts = experts;
    let result: DeviceValue | undefined;
    const networks = Array.from({ length: experts.expertCount }, (_, index) => {
      this.#operations = [];
      // So that the values of all have the same numbers.
      this.#valueCount = firstValue;
      result = build(index);
      return this.#operations;
    });
    this.#operations = [...outer, ...joinExpertOperations(networks)];
    this.#experts = undefined;
    if (result !== undefined) return result;
    const mismatch = { field: "expertCount", expected: "experts", got: experts.expertCount };
    throw new InferenceError("UNSUPPORTED_MODEL", mismatch);
  }
}
