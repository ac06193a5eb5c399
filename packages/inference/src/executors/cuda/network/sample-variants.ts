import { argmax } from "../kernels/manifests/argmax.ts";
import { editLogits } from "../kernels/manifests/edit-logits.ts";
import { sample } from "../kernels/manifests/sample.ts";
import { addressOf, launchOf, rowGrid, sizeOf } from "./launch.ts";
import type {
  AddressOperand,
  DeviceValue,
  EditInputName,
  PassShape,
  SampledValues,
  Variant,
} from "./program.ts";

const argmaxThreads = 1024;
const sampleThreads = 512;
const editThreads = 256;
/** Blocks that share the tokens of a row. */
const editSlices = 8;

/** Ways to sample rows of logits: draws and the likeliest tokens, the likeliest only, or none; of rows as they are, or edited. */
export function sampleVariants(logits: DeviceValue, { tokens, status }: SampledValues): readonly Variant[] {
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
  return [
    { fits: ({ isDrawn, isEdited }) => isDrawn && isEdited, launches: [edit, draw] },
    { fits: ({ isEdited }) => isEdited, launches: [edit, takeLikeliest] },
    { fits: ({ isDrawn }) => isDrawn, launches: [draw] },
    { fits: ({ sampledTokenCount }) => sampledTokenCount > 0, launches: [takeLikeliest] },
    { fits: () => true, launches: [] },
  ];
}
