import type { MemoryBlockPort, MemoryPort } from "../../ports.ts";
import type { AdapterInputs } from "./adapters/adapter-inputs.ts";
import { CallInputs } from "./call-inputs.ts";
import type { KvSlots } from "../slots/kv-slots.ts";
import { ropeStartInput } from "./graph/head-inputs.ts";
import { type CallTensors, kvTensors, roundedCacheTensors } from "./kv-tensors.ts";
import { logitRowCount } from "../slots/logit-rows.ts";
import type { ExecutorModel } from "../executor-provider.ts";
import type { ResolvedSizes } from "../resolve-sizes.ts";
import { mostInt8, type RoundedCache } from "./rounded-cache.ts";
import type { LengthRotations, SlotRun } from "../rotation/length-rotations.ts";
import type { PrefillChunk, SlotCalls } from "../slots/slot-calls.ts";
import type { OnnxCall, OnnxSession, TensorBuffer } from "./runtime/runtime.ts";
import { float32, int32 } from "../typed-views.ts";

const largestFloat32 = 2 ** 127;

/** A call for the chunks of one slot, and what it was last bound to. */
interface PrefillCall {
  readonly call: OnnxCall;
  tokenCount: number;
  logitCount: number;
  firstRow: number;
}

/**
 * The graph bound to memory: one call per number of decoding sequences, and one per slot for chunks of prompts, each
 * created on first use and kept.
 */
export class DecoderCalls implements SlotCalls {
  /** The longest chunk that `prefill` takes. */
  readonly maxChunkTokens: number;
  /** `(maxSequences)` token of each decoding sequence, by slot. */
  readonly decodeTokenIds: Int32Array;
  /** `(maxSequences)` position of that token. */
  readonly decodePositions: Int32Array;
  /** Rows of `(vocabSize)`. A decode fills the rows of its slots. */
  readonly logits: readonly Float32Array[];
  readonly #session: OnnxSession;
  readonly #kv: KvSlots;
  readonly #rounded: RoundedCache | undefined;
  readonly #rotations: LengthRotations | undefined;
  readonly #adapters: AdapterInputs | undefined;
  readonly #inputs: CallInputs;
  readonly #logitsBlock: MemoryBlockPort;
  readonly #vocabSize: number;
  readonly #decodes: (OnnxCall | undefined)[] = [];
  /** By slot. */
  readonly #prefills: (PrefillCall | undefined)[] = [];

  constructor(
    session: OnnxSession,
    kv: KvSlots,
    options: {
      readonly model: ExecutorModel;
      readonly memory: MemoryPort;
      readonly sizes: ResolvedSizes;
      /** Of a cache of int8. */
      readonly rounded: RoundedCache | undefined;
      /** Of a rotation by the length of a sequence. */
      readonly rotations: LengthRotations | undefined;
      readonly adapters: AdapterInputs | undefined;
    },
  ) {
    const { model, memory, sizes } = options;
    this.#session = session;
    this.#kv = kv;
    this.#rounded = options.rounded;
    this.#rotations = options.rotations;
    this.#adapters = options.adapters;
    this.#vocabSize = model.config.vocabSize;
    this.maxChunkTokens = sizes.maxChunkTokens;
    this.#inputs = new CallInputs(model, memory, sizes);
    const rowCount = logitRowCount(sizes);
    try {
      this.#logitsBlock = memory.allocate({
        sizeBytes: rowCount * this.#vocabSize * Float32Array.BYTES_PER_ELEMENT,
        tag: { model: model.name, purpose: "activations", label: "logits" },
        alignmentBytes: 64,
      });
    } catch (error) {
      this.#inputs.dispose();
      throw error;
    }
    this.setRounding(true);
    this.decodeTokenIds = int32(this.#inputs.decodeTokenIds);
    this.decodePositions = int32(this.#inputs.decodePositions);
    this.logits = Array.from({ length: rowCount }, (_, row) => float32(this.#logitsOf(row, 1)));
  }

  /** Fills the constant inputs, once, before the first run. */
  prepare(): Promise<void> {
    return this.#inputs.fillRope();
  }

  /** Runs one token of each sequence in the slots `0 … count − 1`, with logits. */
  decode(count: number, longestTokens: number): Promise<void> {
    this.#inputs.totalLengthValue[0] = longestTokens;
    this.#inputs.isChunk[0] = 0;
    if (this.#rounded !== undefined) {
      for (let slot = 0; slot < count; slot += 1) this.#rounded.forget(slot, this.decodePositions[slot]!);
    }
    for (let slot = 0; slot < count; slot += 1) {
      this.#chooseRows({ slot, startPosition: this.decodePositions[slot]!, tokenCount: 1 });
    }
    const call = (this.#decodes[count] ??= this.#bindDecode(count));
    this.#adapters?.prepare(call, { first: 0, count });
    return call.run();
  }

  /** Runs a chunk of one sequence. */
  async prefill(chunk: PrefillChunk): Promise<void> {
    const { slot, tokenIds, startPosition, logitCount } = chunk;
    const inputs = this.#inputs;
    const tokenCount = tokenIds.length;
    int32(inputs.chunkTokenIds).set(tokenIds);
    int32(inputs.chunkPosition)[0] = startPosition + tokenCount - 1;
    inputs.totalLengthValue[0] = startPosition + tokenCount;
    const rows = int32(inputs.chunkRows);
    for (let row = 0; row < logitCount; row += 1) rows[row] = tokenCount - logitCount + row;
    const prefill = (this.#prefills[slot] ??= this.#bindPrefill(chunk));
    this.#rebindPrefill(prefill, chunk);
    this.#chooseRows({ slot, startPosition, tokenCount });
    this.#adapters?.prepare(prefill.call, { first: slot, count: 1 });
    const rounded = this.#rounded?.hasRoom(slot, startPosition, tokenCount) ? this.#rounded : undefined;
    inputs.setChunk(this.#rounded === undefined ? tokenCount > 1 : rounded !== undefined, startPosition);
    rounded?.claim(startPosition);
    this.#rounded?.forget(slot, startPosition);
    await prefill.call.run();
    rounded?.store(slot, startPosition, tokenCount);
  }

  /** Has what `prefill` computes in float32 not rounded to int8, or rounded again. */
  setRounding(isRounding: boolean): void {
    const most = isRounding ? mostInt8 : largestFloat32;
    this.#inputs.setInt8Limits(-most, most);
  }

  dispose(): void {
    for (const call of this.#decodes.splice(0)) call?.dispose();
    for (const prefill of this.#prefills.splice(0)) prefill?.call.dispose();
    this.#logitsBlock.dispose();
    this.#inputs.dispose();
  }

  #chooseRows(run: SlotRun): void {
    const fill = this.#rotations?.chooseRows(run);
    if (fill !== undefined) this.#inputs.fillRows(fill);
  }

  #bindDecode(count: number): OnnxCall {
    const { decodeTokenIds, decodePositions, decodeRows } = this.#inputs;
    const bytes = count * Int32Array.BYTES_PER_ELEMENT;
    const { inputs, outputs } = this.#cache(0, count);
    return this.#session.bind(
      [
        { name: "input_ids", dtype: "int32", shape: [count, 1], bytes: decodeTokenIds.subarray(0, bytes) },
        { name: "last_positions", dtype: "int32", shape: [count], bytes: decodePositions.subarray(0, bytes) },
        { name: "logit_rows", dtype: "int32", shape: [count], bytes: decodeRows.subarray(0, bytes) },
        ...this.#inputs.sharedInputs(),
        ...inputs,
      ],
      [...outputs, this.#logitsOutput(0, count)],
    );
  }

  #bindPrefill({ slot, tokenIds, logitCount, firstRow }: PrefillChunk): PrefillCall {
    const { chunkPosition } = this.#inputs;
    const tokenCount = tokenIds.length;
    const { inputs, outputs } = this.#cache(slot, 1);
    const call = this.#session.bind(
      [
        this.#inputs.chunkOf(tokenCount),
        { name: "last_positions", dtype: "int32", shape: [1], bytes: chunkPosition },
        this.#inputs.chunkRowsOf(logitCount),
        ...this.#inputs.sharedInputs(),
        ...inputs,
      ],
      [...outputs, this.#logitsOutput(firstRow, logitCount)],
    );
    return { call, tokenCount, logitCount, firstRow };
  }

  #rebindPrefill(prefill: PrefillCall, { tokenIds, logitCount, firstRow }: PrefillChunk): void {
    if (prefill.tokenCount !== tokenIds.length) {
      prefill.call.rebind(this.#inputs.chunkOf(tokenIds.length));
      prefill.tokenCount = tokenIds.length;
    }
    if (prefill.logitCount === logitCount && (prefill.firstRow === firstRow || logitCount === 0)) return;
    prefill.call.rebind(this.#inputs.chunkRowsOf(logitCount));
    prefill.call.rebindOutput(this.#logitsOutput(firstRow, logitCount));
    prefill.logitCount = logitCount;
    prefill.firstRow = firstRow;
  }

  #cache(slot: number, count: number): CallTensors {
    const cache = kvTensors(this.#kv, { slot, count });
    if (this.#rotations !== undefined) cache.inputs.push(ropeStarts(this.#rotations, slot, count));
    if (this.#adapters !== undefined) cache.inputs.push(...this.#adapters.initial());
    if (this.#rounded === undefined) return cache;
    const { inputs, outputs } = roundedCacheTensors(this.#rounded);
    return {
      inputs: [...cache.inputs, ...inputs, ...this.#inputs.roundingInputs()],
      outputs: [...cache.outputs, ...outputs],
    };
  }

  #logitsOutput(firstRow: number, count: number): TensorBuffer {
    const shape = [count, this.#vocabSize];
    return { name: "logits", dtype: "float32", shape, bytes: this.#logitsOf(firstRow, count) };
  }

  #logitsOf(firstRow: number, count: number): Uint8Array {
    const rowBytes = this.#vocabSize * Float32Array.BYTES_PER_ELEMENT;
    return this.#logitsBlock.bytes.subarray(firstRow * rowBytes, (firstRow + count) * rowBytes);
  }
}

function ropeStarts({ rowStarts }: LengthRotations, slot: number, count: number): TensorBuffer {
  const { buffer, byteOffset, byteLength } = rowStarts.subarray(slot, slot + count);
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return { name: ropeStartInput, dtype: "int64", shape: [count], bytes };
}
