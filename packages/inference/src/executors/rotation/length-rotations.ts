import type { ModelConfig } from "@infernode/models";
import { InferenceError } from "../../errors.ts";
import type { MemoryPort } from "../../ports.ts";
import type { SlotMove } from "../executor.ts";
import { DynamicRotations } from "./dynamic-rotations.ts";
import type { RowFill, TableSizes } from "./rope-table.ts";
import { SequenceRotations } from "./sequence-rotations.ts";

/** Tokens of one sequence that are about to be computed. */
export interface SequenceChunk {
  readonly slot: number;
  readonly startPosition: number;
  readonly tokenIds: Int32Array;
}

/** A chunk, and how long its sequence is known to get. */
export interface PlacedChunk extends SequenceChunk {
  /** [the end of the chunk] */
  readonly knownLength?: number | undefined;
}

/** Tokens of one run on a slot. */
export interface SlotRun {
  readonly slot: number;
  readonly startPosition: number;
  readonly tokenCount: number;
}

/** Computes tokens of a sequence into its slot, with no logits. */
export type ComputeAgain = (chunk: SequenceChunk) => Promise<void>;

/** Keeps by how long each sequence is in which rows of the tables its rotations are. */
export interface LengthRotations {
  /** `(slots)` the row of the tables that is of position 0. */
  readonly rowStarts: BigInt64Array;
  /**
   * Where a chunk is to be cut, as ends of parts, so that logits after a position are those of the sequence up to there.
   */
  partEnds(chunk: PlacedChunk, logitCount: number): readonly number[];
  /** Prepares a slot for the next tokens of its sequence. */
  place(chunk: PlacedChunk, computeAgain: ComputeAgain): Promise<void>;
  /** Chooses the rows of a run of placed tokens; returns those that are to be filled before. */
  chooseRows(run: SlotRun): RowFill | undefined;
  /** Records a move of the cache. */
  move(move: SlotMove): void;
  dispose(): void;
}

type ByLength = "longrope" | "dynamic";

/** The rotation by length of a model. */
interface LengthRule {
  readonly type: ByLength;
  /** Up to it all sequences rotate alike. */
  readonly originalTokens: number;
}

/**
 * Finds how a model rotates by the length of a sequence; `undefined` where it does not. Its original context is at most
 * `contextTokens`.
 *
 * @throws InferenceError `UNSUPPORTED_MODEL` for more than one
 */
export function lengthRuleOf(
  { rotaries }: Pick<ModelConfig, "rotaries">,
  contextTokens: number,
): LengthRule | undefined {
  const found = new Map<string, LengthRule>();
  for (const { scaling } of rotaries) {
    if (scaling.type !== "longrope" && scaling.type !== "dynamic") continue;
    const originalTokens = Math.min(scaling.originalContextTokens, contextTokens);
    found.set(`${scaling.type} over ${originalTokens}`, { type: scaling.type, originalTokens });
  }
  const [rule] = found.values();
  if (found.size <= 1) return rule;
  const got = [...found.keys()].join(" and ");
  const expected = "one original context of all layers";
  throw new InferenceError("UNSUPPORTED_MODEL", { field: "rotaries", expected, got });
}

/** Creates what a model takes that rotates by the length of a sequence. */
export function createLengthRotations(
  config: Pick<ModelConfig, "rotaries">,
  sizes: TableSizes,
  source: { readonly memory: MemoryPort; readonly model: string },
): LengthRotations | undefined {
  const rule = lengthRuleOf(config, sizes.contextTokens);
  if (rule === undefined) return undefined;
  const { type, originalTokens } = rule;
  return type === "longrope"
    ? new SequenceRotations(originalTokens, sizes, source)
    : new DynamicRotations(originalTokens, sizes, source);
}

/** Bytes of what `createLengthRotations` makes. */
export function lengthRotationBytes(config: Pick<ModelConfig, "rotaries">, sizes: TableSizes): number {
  const type = lengthRuleOf(config, sizes.contextTokens)?.type;
  if (type === undefined) return 0;
  return type === "longrope" ? SequenceRotations.sizeBytes(sizes) : DynamicRotations.sizeBytes(sizes);
}
