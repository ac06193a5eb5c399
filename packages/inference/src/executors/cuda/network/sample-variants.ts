import { argmax } from "../kernels/manifests/argmax.ts";
import { sample } from "../kernels/manifests/sample.ts";
import { addressOf, launchOf, rowGrid, sizeOf } from "./launch.ts";
import type { DeviceValue, PassShape, SampledValues, Variant } from "./program.ts";

const argmaxThreads = 1024;
const sampleThreads = 512;

/** Ways to sample rows of logits: draws and the likeliest tokens, the likeliest only, or none. */
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
  return [
    { fits: ({ isDrawn }) => isDrawn, launches: [draw] },
    { fits: ({ sampledTokenCount }) => sampledTokenCount > 0, launches: [takeLikeliest] },
    { fits: () => true, launches: [] },
  ];
}
