import { argmax } from "../kernels/manifests/argmax.ts";
import { editLogits } from "../kernels/manifests/edit-logits.ts";
import { logprobs } from "../kernels/manifests/logprobs.ts";
import { sample } from "../kernels/manifests/sample.ts";
import { addressOf, launchOf, rowGrid, sizeOf } from "./launch.ts";
import type {
  AddressOperand,
  DeviceValue,
  EditInputName,
  KernelLaunch,
  PassShape,
  SampledValues,
  Variant,
} from "./program.ts";

const argmaxThreads = 1024;
const sampleThreads = 512;
const editThreads = 256;
/** Blocks that share the tokens of a row. */
const editSlices = 8;

/** Integers of a row that `logprobs.cu` writes, with so many tokens at most. */
export const rankedInts = 46;
export const mostRankedTokens = 20;

/**
 * Ways to sample rows of logits: draws and the likeliest tokens, the likeliest only, or none; draws of rows as they are or edited,
 * with log-probabilities or without. `raw` has room for rows before they are edited.
 */
export function sampleVariants(
  logits: DeviceValue,
  { tokens, status, ranked }: SampledValues,
  raw: DeviceValue,
): readonly Variant[] {
  const topCounts: AddressOperand = { kind: "input", name: "topCounts" };
  const outputs = [addressOf(tokens), addressOf(status), addressOf(logits)] as const;
  const tokenCount = (shape: PassShape): number => shape.sampledTokenCount;
  const size = sizeOf(logits);
  const grid = rowGrid(logits.rows);
  const draw = launchOf(sample, "sample", {
    grid,
    block: sampleThreads,
    operands: [
      ...outputs,
      { kind: "input", name: "samplingParameters" },
      { kind: "input", name: "topKs" },
      ...size,
      tokenCount,
    ],
  });
  const takeLikeliest = launchOf(argmax, "argmax", {
    grid,
    block: argmaxThreads,
    operands: [...outputs, ...size, tokenCount],
  });
  const edits = (name: EditInputName): AddressOperand => ({ kind: "edits", name });
  const edit = launchOf(editLogits, "edit_logits", {
    grid: rowGrid(logits.rows, editSlices),
    block: editThreads,
    operands: [
      addressOf(logits),
      edits("bounds"),
      edits("editTokens"),
      edits("editValues"),
      edits("penalties"),
      edits("maskIndices"),
      edits("masks"),
      ...size,
      tokenCount,
    ],
  });
  const rank = (raw: AddressOperand): KernelLaunch =>
    launchOf(logprobs, "likeliest_tokens", {
      grid,
      block: sampleThreads,
      operands: [addressOf(ranked), raw, addressOf(logits), topCounts, ...size],
    });
  const rankTokens = (rows: DeviceValue): KernelLaunch =>
    launchOf(logprobs, "token_ranks", {
      grid,
      block: sampleThreads,
      operands: [addressOf(ranked), addressOf(rows), addressOf(tokens), topCounts, ...size],
    });
  return [
    {
      fits: ({ isEdited, isRanked }) => isEdited && isRanked,
      launches: [rank(addressOf(raw)), edit, draw, rankTokens(raw)],
    },
    { fits: ({ isRanked }) => isRanked, launches: [rank(undefined), draw, rankTokens(logits)] },
    { fits: ({ isEdited }) => isEdited, launches: [edit, draw] },
    { fits: ({ isDrawn }) => isDrawn, launches: [draw] },
    { fits: ({ sampledTokenCount }) => sampledTokenCount > 0, launches: [takeLikeliest] },
    { fits: () => true, launches: [] },
  ];
}
