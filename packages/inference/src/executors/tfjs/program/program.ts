import type { TfTensor } from "../runtime/tensorflow.ts";
import type { Pass } from "./pass.ts";

/** A value of a program, `(rows, width)`. */
export interface ProgramValue {
  readonly id: number;
  readonly width: number;
}

/** Makes a tensor of others; what else it makes is disposed. */
export type Compute = (inputs: readonly TfTensor[], pass: Pass) => TfTensor;

interface Step {
  readonly output: number;
  readonly inputs: readonly number[];
  readonly compute: Compute;
  isPauseAfter: boolean;
  /** Values that no later step takes. */
  readonly released: number[];
}

/**
 * Steps that are recorded once and run for each pass: TensorFlow.js computes at once, and nothing of a network is stated
 * again. Each value is disposed after the last step that takes it.
 */
export class Program {
  readonly #steps: Step[] = [];
  #valueCount = 0;
  #inputCount = 0;
  #resultId = -1;

  /** A value that is passed to `run`; all of them before the first step. */
  addInput(width: number): ProgramValue {
    this.#inputCount += 1;
    return this.#value(width);
  }

  add(inputs: readonly ProgramValue[], width: number, compute: Compute): ProgramValue {
    const value = this.#value(width);
    const ids = inputs.map(({ id }) => id);
    this.#steps.push({ output: value.id, inputs: ids, compute, isPauseAfter: false, released: [] });
    return value;
  }

  /** Has the program yield after the last step. */
  pause(): void {
    const last = this.#steps.at(-1);
    if (last !== undefined) last.isPauseAfter = true;
  }

  /** Ends the program, whose result is a value of one of its steps. */
  finish(result: ProgramValue): void {
    this.#resultId = result.id;
    const isReleased = new Set([result.id]);
    for (const { inputs, output, released } of this.#steps.toReversed()) {
      for (const id of [...inputs, output]) {
        if (id < this.#inputCount || isReleased.has(id)) continue;
        isReleased.add(id);
        released.push(id);
      }
    }
  }

  /** Runs all steps; yields where other work may be done in between. Returns the result, which the caller disposes. */
  *run(inputs: readonly TfTensor[], pass: Pass): Generator<void, TfTensor> {
    const values: (TfTensor | undefined)[] = [...inputs];
    try {
      for (const { inputs: ids, output, compute, released, isPauseAfter } of this.#steps) {
        const made = pass.tf.tidy(() =>
          compute(
            ids.map((id) => present(values[id])),
            pass,
          ),
        );
        values[output] = made;
        for (const id of released) {
          values[id]?.dispose();
          values[id] = undefined;
        }
        if (isPauseAfter) yield;
      }
      const result = present(values[this.#resultId]);
      values[this.#resultId] = undefined;
      return result;
    } finally {
      // Where a step failed, what the others made.
      for (const value of values.slice(this.#inputCount)) value?.dispose();
    }
  }

  #value(width: number): ProgramValue {
    this.#valueCount += 1;
    return { id: this.#valueCount - 1, width };
  }
}

/** Runs a program without a pause. */
export function runAtOnce(program: Program, inputs: readonly TfTensor[], pass: Pass): TfTensor {
  const running = program.run(inputs, pass);
  for (;;) {
    const { done, value } = running.next();
    if (done === true) return value;
  }
}

function present(value: TfTensor | undefined): TfTensor {
  if (value === undefined) throw new Error("a step takes a value that no step before it made");
  return value;
}
