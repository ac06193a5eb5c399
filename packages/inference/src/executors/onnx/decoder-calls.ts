import type { MemoryBlockPort, MemoryPort } from "../../ports.ts";
import { CallInputs, float32, int32 } from "./call-inputs.ts";
import type { KvSlots } from "./kv-slots.ts";
import { kvNames } from "./onnx-decoder-builder.ts";
import type { OnnxModel, ResolvedOnnxMemoryOptions } from "./onnx-options.ts";
import type { OnnxCall, OnnxSession, TensorBuffer } from "./runtime.ts";

/** What a run of one sequence's chunk needs. */
export interface PrefillChunk {
  readonly slot: number;
  readonly tokenIds: Int32Array;
  readonly startPosition: number;
  readonly wantsLogits: boolean;
}

/**
 * The graph tied to memory: one call per number of decoding sequences, and two per slot for chunks of
 * prompts (with logits and without), each made when first needed and kept. Row `slot` of the logits
 * belongs to the sequence in that slot.
 */
export class DecoderCalls {
  /** The longest chunk that `prefill` takes. */
  readonly maxChunkTokens: number;
  /** `(maxSequences)` each decoding sequence's token, by slot. */
  readonly decodeTokenIds: Int32Array;
  /** `(maxSequences)` the position of that token. */
  readonly decodePositions: Int32Array;
  /** `(maxSequences)` rows of `(vocabSize)`. */
  readonly logits: readonly Float32Array[];
  readonly #session: OnnxSession;
  readonly #kv: KvSlots;
  readonly #inputs: CallInputs;
  readonly #logitsBlock: MemoryBlockPort;
  readonly #vocabSize: number;
  readonly #decodes: (OnnxCall | undefined)[] = [];
  readonly #prefills = new Map<number, { readonly call: OnnxCall; tokenCount: number }>();

  constructor(
    session: OnnxSession,
    kv: KvSlots,
    options: {
      readonly model: OnnxModel;
      readonly memory: MemoryPort;
      readonly sizes: ResolvedOnnxMemoryOptions;
    },
  ) {
    const { model, memory, sizes } = options;
    this.#session = session;
    this.#kv = kv;
    this.#vocabSize = model.config.vocabSize;
    this.maxChunkTokens = sizes.maxChunkTokens;
    this.#inputs = new CallInputs(model, memory, sizes);
    try {
      this.#logitsBlock = memory.allocate({
        sizeBytes: sizes.maxSequences * this.#vocabSize * Float32Array.BYTES_PER_ELEMENT,
        tag: { model: model.name, purpose: "activations", label: "logits" },
        alignmentBytes: 64,
      });
    } catch (error) {
      this.#inputs.dispose();
      throw error;
    }
    this.decodeTokenIds = int32(this.#inputs.decodeTokenIds);
    this.decodePositions = int32(this.#inputs.decodePositions);
    this.logits = Array.from({ length: sizes.maxSequences }, (_, slot) => float32(this.#logitsOf(slot, 1)));
  }

  /** Fills the constant inputs; once, before the first run. */
  prepare(): Promise<void> {
    return this.#inputs.fillRope();
  }

  /** Runs one token of each sequence in the slots `0 … count − 1`; logits of all. */
  decode(count: number, longestTokens: number): Promise<void> {
    this.#inputs.totalLengthValue[0] = longestTokens;
    return (this.#decodes[count] ??= this.#bindDecode(count)).run();
  }

  /** Runs a chunk of one sequence. */
  prefill({ slot, tokenIds, startPosition, wantsLogits }: PrefillChunk): Promise<void> {
    const inputs = this.#inputs;
    const key = slot * 2 + (wantsLogits ? 1 : 0);
    int32(inputs.chunkTokenIds).set(tokenIds);
    int32(inputs.chunkPosition)[0] = startPosition + tokenIds.length - 1;
    inputs.totalLengthValue[0] = startPosition + tokenIds.length;
    int32(inputs.chunkRow)[0] = tokenIds.length - 1;
    let prefill = this.#prefills.get(key);
    if (prefill === undefined) {
      prefill = { call: this.#bindPrefill(slot, tokenIds.length, wantsLogits), tokenCount: tokenIds.length };
      this.#prefills.set(key, prefill);
    }
    if (prefill.tokenCount !== tokenIds.length) {
      prefill.call.rebind(inputs.chunkOf(tokenIds.length));
      prefill.tokenCount = tokenIds.length;
    }
    return prefill.call.run();
  }

  dispose(): void {
    for (const call of this.#decodes.splice(0)) call?.dispose();
    for (const { call } of this.#prefills.values()) call.dispose();
    this.#prefills.clear();
    this.#logitsBlock.dispose();
    this.#inputs.dispose();
  }

  #bindDecode(count: number): OnnxCall {
    const { decodeTokenIds, decodePositions, decodeRows, totalLength, rope } = this.#inputs;
    const bytes = count * Int32Array.BYTES_PER_ELEMENT;
    const [pasts, presents] = this.#cache(0, count);
    return this.#session.bind(
      [
        { name: "input_ids", dtype: "int32", shape: [count, 1], bytes: decodeTokenIds.subarray(0, bytes) },
        { name: "last_positions", dtype: "int32", shape: [count], bytes: decodePositions.subarray(0, bytes) },
        { name: "wanted_rows", dtype: "int32", shape: [count], bytes: decodeRows.subarray(0, bytes) },
        { name: "total_length", dtype: "int32", shape: [], bytes: totalLength },
        ...rope,
        ...pasts,
      ],
      [...presents, this.#logitsOutput(0, count)],
    );
  }

  #bindPrefill(slot: number, tokenCount: number, wantsLogits: boolean): OnnxCall {
    const { chunkPosition, chunkRow, totalLength, rope } = this.#inputs;
    const rowCount = wantsLogits ? 1 : 0;
    const [pasts, presents] = this.#cache(slot, 1);
    return this.#session.bind(
      [
        this.#inputs.chunkOf(tokenCount),
        { name: "last_positions", dtype: "int32", shape: [1], bytes: chunkPosition },
        { name: "wanted_rows", dtype: "int32", shape: [rowCount], bytes: chunkRow.subarray(0, rowCount * 4) },
        { name: "total_length", dtype: "int32", shape: [], bytes: totalLength },
        ...rope,
        ...pasts,
      ],
      [...presents, this.#logitsOutput(slot, rowCount)],
    );
  }

  #cache(slot: number, count: number): [pasts: TensorBuffer[], presents: TensorBuffer[]] {
    const { kvHeadCount, capacityTokens, headDim } = this.#kv.shape;
    const shape = [count, kvHeadCount, capacityTokens, headDim];
    const pasts: TensorBuffer[] = [];
    const presents: TensorBuffer[] = [];
    let index = 0;
    for (const bytes of this.#kv.views(slot, count)) {
      const names = kvNames(Math.floor(index / 2));
      const [past, present] =
        index % 2 === 0 ? [names.pastKeys, names.presentKeys] : [names.pastValues, names.presentValues];
      pasts.push({ name: past, dtype: "float32", shape, bytes });
      presents.push({ name: present, dtype: "float32", shape, bytes });
      index += 1;
    }
    return [pasts, presents];
  }

  #logitsOutput(slot: number, count: number): TensorBuffer {
    const shape = [count, this.#vocabSize];
    return { name: "logits", dtype: "float32", shape, bytes: this.#logitsOf(slot, count) };
  }

  #logitsOf(slot: number, count: number): Uint8Array {
    const rowBytes = this.#vocabSize * Float32Array.BYTES_PER_ELEMENT;
    return this.#logitsBlock.bytes.subarray(slot * rowBytes, (slot + count) * rowBytes);
  }
}
