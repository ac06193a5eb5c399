import { setImmediate } from "node:timers/promises";
import type { AttentionRotary } from "@infernode/models";
import { InferenceError, reasonOf } from "../../errors.ts";
import type { LengthRotations } from "../rotation/length-rotations.ts";
import type { RopeTables } from "../rotation/rope-tables.ts";
import type { KvSlots } from "../slots/kv-slots.ts";
import type { PrefillChunk, SlotCalls } from "../slots/slot-calls.ts";
import type { AdapterRows } from "./adapter-rows.ts";
import type { Pass, PassRotation, PassSequence } from "./program/pass.ts";
import { rotationKey, type TfjsDecoderBuilder } from "./program/tfjs-decoder-builder.ts";
import type { TfjsRuntime } from "./runtime/open-runtime.ts";
import { numbersOf, type TfTensor } from "./runtime/tensorflow.ts";

/** What a pass computes with. */
export interface TfjsCallParts {
  readonly runtime: TfjsRuntime;
  readonly network: Pick<TfjsDecoderBuilder, "program" | "rotaries">;
  readonly kv: KvSlots;
  readonly ropes: RopeTables;
  readonly rotations: LengthRotations | undefined;
  readonly adapters: AdapterRows | undefined;
  /** Rows of `(vocabSize)`. */
  readonly logits: readonly Float32Array[];
  readonly maxChunkTokens: number;
}

/** The rows of one run, and where their logits go. */
interface Rows {
  readonly tokenIds: Int32Array;
  readonly positions: Int32Array;
  readonly sequences: readonly PassSequence[];
  readonly logitRows: Int32Array;
  /** Index in `logits` of the first. */
  readonly firstLogits: number;
}

/** Runs the program of a network on slots. */
export class TfjsCalls implements SlotCalls {
  readonly maxChunkTokens: number;
  readonly decodeTokenIds: Int32Array;
  readonly decodePositions: Int32Array;
  readonly logits: readonly Float32Array[];
  readonly #parts: TfjsCallParts;

  constructor(parts: TfjsCallParts) {
    const { slotCount } = parts.kv.shape;
    this.maxChunkTokens = parts.maxChunkTokens;
    this.logits = parts.logits;
    this.decodeTokenIds = new Int32Array(slotCount);
    this.decodePositions = new Int32Array(slotCount);
    this.#parts = parts;
  }

  decode(count: number): Promise<void> {
    const positions = this.decodePositions.slice(0, count);
    const sequences = Array.from(positions, (startPosition, slot) => ({
      slot,
      firstRow: slot,
      rowCount: 1,
      startPosition,
    }));
    const logitRows = Int32Array.from(positions.keys());
    return this.#run({
      tokenIds: this.decodeTokenIds.slice(0, count),
      positions,
      sequences,
      logitRows,
      firstLogits: 0,
    });
  }

  prefill({ slot, tokenIds, startPosition, logitCount, firstRow }: PrefillChunk): Promise<void> {
    const { length } = tokenIds;
    return this.#run({
      tokenIds,
      positions: Int32Array.from({ length }, (_, index) => startPosition + index),
      sequences: [{ slot, firstRow: 0, rowCount: length, startPosition }],
      logitRows: Int32Array.from({ length: logitCount }, (_, index) => length - logitCount + index),
      firstLogits: firstRow,
    });
  }

  /** @throws InferenceError `EXECUTOR_FAILED` */
  async #run(rows: Rows): Promise<void> {
    const { runtime, network } = this.#parts;
    const rotations = new Map<string, PassRotation>();
    try {
      runtime.activate();
      this.#rotate(rows, rotations);
      const running = network.program.run([], this.#passOf(rows, rotations));
      for (;;) {
        const { done, value } = running.next();
        if (done === true) {
          this.#store(value, rows);
          break;
        }
        // TensorFlow.js computes on the event loop: other work is done between layers.
        await setImmediate();
        runtime.activate();
      }
    } catch (cause) {
      const message = `TensorFlow.js failed to run the model: ${reasonOf(cause)}`;
      throw new InferenceError("EXECUTOR_FAILED", message, { cause });
    } finally {
      for (const { cos, sin } of rotations.values()) {
        cos.dispose();
        sin.dispose();
      }
    }
  }

  #passOf({ tokenIds, positions, sequences, logitRows }: Rows, rotations: Map<string, PassRotation>): Pass {
    const { runtime, kv, adapters } = this.#parts;
    return {
      tf: runtime.tf,
      kv,
      tokenIds,
      positions,
      sequences,
      logitRows,
      rotationOf: (rotary) => rotations.get(rotationKey(rotary))!,
      adaptersOf: (weightName) => adapters?.of(weightName, sequences) ?? [],
    };
  }

  /** Makes the cosines and sines of all rows. */
  #rotate({ sequences, positions }: Rows, made: Map<string, PassRotation>): void {
    const { rotations, ropes, network } = this.#parts;
    for (const { slot, startPosition, rowCount } of sequences) {
      const fill = rotations?.chooseRows({ slot, startPosition, tokenCount: rowCount });
      if (fill !== undefined) ropes.fillRows(fill);
    }
    const byLength = positions.slice();
    for (const { slot, firstRow, rowCount } of sequences) {
      const start = Number(rotations?.rowStarts[slot] ?? 0n);
      for (let row = firstRow; row < firstRow + rowCount; row += 1) byLength[row]! += start;
    }
    for (const [key, rotary] of network.rotaries) {
      made.set(key, this.#rowsOf(rotary, rotary.isByLength ? byLength : positions));
    }
  }

  #rowsOf({ index }: AttentionRotary, rows: Int32Array): PassRotation {
    const { tf } = this.#parts.runtime;
    const { pairCount, cos, sin } = this.#parts.ropes.tables[index]!;
    const gather = (table: Float32Array): TfTensor => {
      const numbers = new Float32Array(rows.length * pairCount);
      for (const [at, row] of rows.entries()) {
        numbers.set(table.subarray(row * pairCount, (row + 1) * pairCount), at * pairCount);
      }
      return tf.tensor(numbers, [rows.length, 1, pairCount]);
    };
    return { cos: gather(cos), sin: gather(sin) };
  }

  #store(logits: TfTensor, { logitRows, firstLogits }: Rows): void {
    if (logitRows.length > 0) {
      const numbers = numbersOf(logits);
      const width = numbers.length / logitRows.length;
      for (let row = 0; row < logitRows.length; row += 1) {
        this.logits[firstLogits + row]!.set(numbers.subarray(row * width, (row + 1) * width));
      }
    }
    logits.dispose();
  }
}
