import type { CudaStream } from "@infernode/memory/cuda";
import type { ForwardBatch, ForwardResult } from "../../executor.ts";
import type { ChunkCutter, ChunkPart } from "./chunk-parts.ts";
import type { DecodeGraphs } from "./decode-graphs.ts";
import type { PassShape } from "../network/program.ts";
import type { HostRows } from "./host-rows.ts";
import type { PassCapacity } from "./input-arrays.ts";
import type { PassInputs, Piece } from "./pass-inputs.ts";
import type { RopeTables } from "./rope-tables.ts";

/** A batch is filled while the one before it runs. */
export const stepPlaces = 2;

const noPages = new Int32Array(0);

/** What a batch is filled in, and where its rows go to. */
export interface StepPlace {
  readonly inputs: PassInputs;
  readonly rows: HostRows;
}

/** What batches run with. */
export interface BatchRunnerParts {
  /** They take turns. */
  readonly places: readonly [StepPlace, StepPlace];
  readonly capacity: PassCapacity;
  readonly pageTokens: number;
  /** `undefined` where all chunks rotate alike. */
  readonly cutter: ChunkCutter | undefined;
  readonly ropes: RopeTables;
  readonly graphs: DecodeGraphs;
  /** Queues the launches of a pass. */
  readonly queueLaunches: (shape: PassShape) => void;
  readonly stream: CudaStream;
}

/** A batch that was begun. */
interface BegunBatch {
  /** Whether all of it is queued as one pass, so that the next pass finds its tokens on the device. */
  isQueued: boolean;
  hasFailed: boolean;
  readonly rows: HostRows;
  /** Resolves when it, and those before it, have run, or failed. */
  hasRun: Promise<unknown>;
}

/** Cuts batches into passes, and runs these one behind the other. */
export class BatchRunner {
  readonly #parts: BatchRunnerParts;
  #turn: 0 | 1 = 0;
  /** The batch that was begun last. */
  #last: BegunBatch | undefined;

  constructor(parts: BatchRunnerParts) {
    this.#parts = parts;
  }

  /**
   * Runs a batch. One that is begun while another runs is queued behind it before the call returns, if each of the two is
   * one pass; else it waits for the other.
   */
  async run(batch: ForwardBatch): Promise<ForwardResult> {
    const place = this.#parts.places[this.#turn];
    this.#turn = this.#turn === 0 ? 1 : 0;
    const begun: BegunBatch = {
      isQueued: false,
      hasFailed: false,
      rows: place.rows,
      hasRun: Promise.resolve(),
    };
    const before = this.#last;
    this.#last = begun;
    const running = this.#run(batch, { place, begun, before });
    const ended = running.catch(() => {
      begun.hasFailed = true;
    });
    begun.hasRun = Promise.all([before?.hasRun, ended]);
    await running;
    return place.rows.result();
  }

  /** Resolves when no batch runs. */
  async whenIdle(): Promise<void> {
    await this.#last?.hasRun;
  }

  async #run(
    batch: ForwardBatch,
    { place, begun, before }: { place: StepPlace; begun: BegunBatch; before: BegunBatch | undefined },
  ): Promise<void> {
    const { inputs, rows } = place;
    // Those of the batch before the last one, which is fed to the last.
    this.#parts.cutter?.learn((row) => rows.fedTokenId(row));
    let fed = batch;
    let isOnePass = this.#isOnePass(batch);
    if (before !== undefined && !(before.isQueued && isOnePass)) {
      await before.hasRun;
      fed = withKnownTokens(batch, before);
      isOnePass = this.#isOnePass(fed);
    }
    rows.begin(batch.sampling);
    inputs.clear();
    for (const shape of this.#passesOf(fed, inputs)) {
      this.#queuePass(place, shape, batch);
      begun.isQueued = isOnePass;
      await this.#parts.stream.synchronize();
      inputs.clear();
    }
  }

  #isOnePass(batch: ForwardBatch): boolean {
    const { tokens, pieces } = this.#parts.capacity;
    const { chunkCount, lengths } = batch;
    let tokenCount = 0;
    for (let chunk = 0; chunk < chunkCount; chunk += 1) {
      tokenCount += lengths[chunk]!;
      if (this.#waits(batch, chunk)) return false;
    }
    return tokenCount <= tokens && chunkCount <= pieces;
  }

  #waits(batch: ForwardBatch, chunk: number): boolean {
    const { cutter } = this.#parts;
    if (cutter === undefined) return false;
    return cutter.waits({
      startPosition: batch.startPositions[chunk]!,
      tokenCount: batch.lengths[chunk]!,
      logitCount: batch.logitCounts[chunk] ?? 0,
      knownLength: batch.knownLengths?.[chunk] ?? 0,
      firstPage: batch.blockTables?.[chunk * (batch.blockTableStride ?? 0)] ?? 0,
    });
  }

  /** Fills inputs; a pass that is given must have run before more is added. */
  *#passesOf(batch: ForwardBatch, inputs: PassInputs): Generator<PassShape> {
    const { cutter, pageTokens } = this.#parts;
    const { blockTables = noPages, blockTableStride = 0, tokenIds, tokenSources } = batch;
    let offset = 0;
    for (let chunk = 0; chunk < batch.chunkCount; chunk += 1) {
      const startPosition = batch.startPositions[chunk]!;
      const length = batch.lengths[chunk]!;
      const piece = {
        startPosition,
        tokenIds,
        tokenSources,
        firstToken: offset,
        tokenCount: length,
        logitCount: batch.logitCounts[chunk] ?? 0,
        pages: blockTables,
        firstPage: chunk * blockTableStride,
        pageCount: Math.ceil((startPosition + length) / pageTokens),
        adapter: batch.adapters?.[chunk] ?? 0,
        ropeStart: 0,
      };
      // What most chunks are: no generator for each of them.
      if (cutter === undefined && length <= inputs.roomTokens()) inputs.add(piece);
      else yield* this.#addParts(piece, batch.knownLengths?.[chunk] ?? 0, inputs);
      offset += length;
    }
    if (inputs.shape.tokenCount > 0) yield inputs.shape;
  }

  *#addParts(piece: Piece, knownLength: number, inputs: PassInputs): Generator<PassShape> {
    const { firstToken, firstPage } = piece;
    const tokensEnd = firstToken + piece.tokenCount;
    const chunk = {
      startPosition: piece.startPosition,
      tokenIds: piece.tokenIds.subarray(firstToken, tokensEnd),
      tokenSources: piece.tokenSources?.subarray(firstToken, tokensEnd),
      logitCount: piece.logitCount,
      pages: piece.pages.subarray(firstPage, firstPage + piece.pageCount),
      adapter: piece.adapter,
    };
    const parts = this.#parts.cutter?.cut({ ...chunk, knownLength }) ?? [
      { ...chunk, ropeStart: 0, isAfterOthers: false },
    ];
    for (const part of parts) yield* this.#add(part, inputs);
  }

  /** Adds tokens to passes, and gives those that are full. */
  *#add(part: ChunkPart, inputs: PassInputs): Generator<PassShape> {
    const { ropes, stream } = this.#parts;
    const { startPosition, tokenIds, tokenSources, logitCount, lengthTokens } = part;
    const { ropeStart, pages, adapter } = part;
    if (part.isAfterOthers && inputs.shape.tokenCount > 0) yield inputs.shape;
    const { length } = tokenIds;
    const logitsFrom = length - logitCount;
    for (let done = 0; done < length;) {
      if (inputs.roomTokens() === 0) yield inputs.shape;
      const tokenCount = Math.min(length - done, inputs.roomTokens());
      const end = done + tokenCount;
      const first = inputs.add({
        startPosition: startPosition + done,
        tokenIds,
        tokenSources,
        firstToken: done,
        tokenCount,
        logitCount: Math.max(0, end - Math.max(done, logitsFrom)),
        pages,
        firstPage: 0,
        pageCount: pages.length,
        adapter,
        ropeStart: lengthTokens === undefined ? ropeStart : undefined,
      });
      if (lengthTokens !== undefined) {
        const tokens = { firstToken: first, startPosition: startPosition + done, tokenCount, lengthTokens };
        ropes.fillByLength(tokens, stream);
      }
      done = end;
    }
  }

  /** Queues a pass: its inputs, its kernels, and the copies of its tokens and logits to the host. */
  #queuePass({ inputs, rows }: StepPlace, shape: PassShape, { sampling }: ForwardBatch): void {
    const { graphs, queueLaunches, stream } = this.#parts;
    if (sampling !== undefined) inputs.addSampling(sampling, rows.rowCount);
    inputs.finish();
    inputs.send(stream);
    if (!graphs.launch(shape)) queueLaunches(shape);
    if (shape.sampledTokenCount > 0) rows.queueTokens(shape.logitCount);
    if (shape.isRanked) rows.queueRanked(shape.logitCount);
    rows.queueLogits(shape.logitCount);
    rows.endPass(shape.logitCount);
  }
}

/** A batch with the tokens that one before it, which has run, sampled. */
function withKnownTokens(batch: ForwardBatch, { rows, hasFailed }: BegunBatch): ForwardBatch {
  const { tokenSources, chunkCount } = batch;
  if (tokenSources === undefined) return batch;
  const tokenIds = batch.tokenIds.map((tokenId, at) => {
    const row = tokenSources[at] ?? -1;
    if (row === -1) return tokenId;
    return hasFailed ? 0 : rows.fedTokenId(row);
  });
  // The number of chunks may be a getter of a class.
  return { ...batch, chunkCount, tokenIds, tokenSources: undefined };
}
