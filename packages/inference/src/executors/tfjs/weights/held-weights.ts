import type { StoredWeight, WeightIndex, WeightRef } from "@infernode/models";
import { InferenceError } from "../../../errors.ts";
import type { MemoryPort } from "../../../ports.ts";
import { assertReadable, readWeight } from "../../weights/read-weight.ts";
import type { TfjsRuntime } from "../runtime/open-runtime.ts";
import type { TfTensor } from "../runtime/tensorflow.ts";
import { LookUpTable } from "./look-up-table.ts";

/** A matrix, once it is loaded. */
export interface HeldMatrix {
  tensor(): TfTensor;
  /** Whether it is `(out, in)`, and not `(in, out)`. */
  isTransposed(): boolean;
}

/** A vector, once it is loaded. */
export interface HeldVector {
  tensor(): TfTensor;
}

/** A table, once it is loaded. */
export interface HeldTable {
  /** Numbers of the rows of indices, in memory of their own. */
  rows(indices: Int32Array): Float32Array;
}

interface LoadTarget {
  readonly runtime: TfjsRuntime;
  readonly memory: MemoryPort;
  readonly model: string;
}

/** A weight in one use. */
interface Held {
  load(target: LoadTarget): Promise<void>;
  dispose(): void;
}

/** The weights of a network: named while it is stated, then loaded as tensors of float32. */
export class HeldWeights {
  readonly #index: Pick<WeightIndex, "weight">;
  readonly #held = new Map<string, Held>();

  constructor(index: Pick<WeightIndex, "weight">) {
    this.#index = index;
  }

  matrix(ref: WeightRef): HeldMatrix {
    const stored = this.#stored(ref);
    return this.#once(`matrix ${ref.name}`, () => new Matrix(ref, stored));
  }

  vector(refs: readonly WeightRef[], offset: number = 0): HeldVector {
    const stored = refs.map((ref) => this.#stored(ref));
    const names = refs.map(({ name }) => name);
    return this.#once(`vector ${offset} ${names.join(" ")}`, () => new Vector(names, stored, offset));
  }

  table(ref: WeightRef): HeldTable {
    const stored = this.#stored(ref);
    return this.#once(`table ${ref.name}`, () => new LookUpTable(ref, stored));
  }

  /** Loads all of them, one after the other. */
  async load(target: LoadTarget): Promise<void> {
    for (const held of this.#held.values()) await held.load(target);
  }

  dispose(): void {
    for (const held of this.#held.values()) held.dispose();
    this.#held.clear();
  }

  #once<T extends Held>(key: string, create: () => T): T {
    const found = this.#held.get(key);
    // A key says what it is of.
    if (found !== undefined) return found as T;
    const made = create();
    this.#held.set(key, made);
    return made;
  }

  #stored(ref: WeightRef): StoredWeight {
    const weight = this.#index.weight(ref.name);
    const expected = ref.shape.join(" × ");
    const got = weight?.shape.join(" × ") ?? "no such tensor";
    if (weight === undefined || expected !== got) {
      throw new InferenceError("SHAPE_MISMATCH", { field: ref.name, expected, got });
    }
    assertReadable(ref.name, weight);
    return weight;
  }
}

class Matrix implements Held, HeldMatrix {
  readonly #ref: WeightRef;
  readonly #stored: StoredWeight;
  #tensor: TfTensor | undefined;
  #isTransposed = false;

  constructor(ref: WeightRef, stored: StoredWeight) {
    this.#ref = ref;
    this.#stored = stored;
  }

  tensor(): TfTensor {
    return loaded(this.#tensor, this.#ref.name);
  }

  isTransposed(): boolean {
    return this.#isTransposed;
  }

  async load({ runtime }: LoadTarget): Promise<void> {
    const [out = 0, input = 0] = this.#ref.shape;
    const { values, isTransposed } = await readWeight(this.#ref.name, this.#stored);
    const isWanted = runtime.kind.isFasterTransposed;
    // Numbers that are stored transposed are `(in, out)`.
    const [rows, columns] = isTransposed ? [input, out] : [out, input];
    const isAsWanted = isWanted !== isTransposed;
    const numbers = isAsWanted ? values : transpose(values, rows, columns);
    runtime.activate();
    this.#tensor = runtime.tf.tensor(numbers, isWanted ? [out, input] : [input, out]);
    this.#isTransposed = isWanted;
  }

  dispose(): void {
    this.#tensor?.dispose();
    this.#tensor = undefined;
  }
}

class Vector implements Held, HeldVector {
  readonly #names: readonly string[];
  readonly #stored: readonly StoredWeight[];
  readonly #offset: number;
  #tensor: TfTensor | undefined;

  constructor(names: readonly string[], stored: readonly StoredWeight[], offset: number) {
    this.#names = names;
    this.#stored = stored;
    this.#offset = offset;
  }

  tensor(): TfTensor {
    return loaded(this.#tensor, this.#names[0] ?? "");
  }

  async load({ runtime }: LoadTarget): Promise<void> {
    const parts: Float32Array[] = [];
    for (const [index, weight] of this.#stored.entries()) {
      const { values } = await readWeight(this.#names[index] ?? "", weight);
      parts.push(values.map((each) => each + this.#offset));
    }
    const numbers = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
    let start = 0;
    for (const part of parts) {
      numbers.set(part, start);
      start += part.length;
    }
    runtime.activate();
    this.#tensor = runtime.tf.tensor(numbers, [numbers.length]);
  }

  dispose(): void {
    this.#tensor?.dispose();
    this.#tensor = undefined;
  }
}

function loaded(tensor: TfTensor | undefined, name: string): TfTensor {
  if (tensor === undefined) {
    const mismatch = { field: name, expected: "a loaded weight", got: "none" };
    throw new InferenceError("EXECUTOR_FAILED", mismatch);
  }
  return tensor;
}

/** In blocks, so that reads and writes are near each other. */
function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const blockSize = 64;
  const result = new Float32Array(values.length);
  for (let top = 0; top < rows; top += blockSize) {
    const bottom = Math.min(rows, top + blockSize);
    for (let left = 0; left < columns; left += blockSize) {
      const right = Math.min(columns, left + blockSize);
      for (let row = top; row < bottom; row += 1) {
        for (let column = left; column < right; column += 1) {
          result[column * rows + row] = values[row * columns + column]!;
        }
      }
    }
  }
  return result;
}
