import type { DecoderBuilder, WeightRef } from "../../src/index.ts";

/** Records the operations of a network as text; a value is the number of its line. */
export function createRecordingBuilder(): {
  readonly builder: DecoderBuilder<string>;
  readonly lines: string[];
} {
  const lines: string[] = [];
  const define = (formula: string): string => {
    lines.push(`${lines.length} = ${formula}`);
    return String(lines.length - 1);
  };
  const short = ({ name }: WeightRef): string => name.replace("model.", "").replace(/\.weight$/, "");
  const builder: DecoderBuilder<string> = {
    embed: (weight) => define(`embed ${short(weight)}`),
    rmsNorm: (x, weight, epsilon) => define(`norm ${x} ${short(weight)} ${epsilon}`),
    headRmsNorm: (x, weight, epsilon) => define(`headNorm ${x} ${short(weight)} ${epsilon}`),
    linear: (x, weight, bias) =>
      define(`linear ${x} ${short(weight)}${bias === undefined ? "" : ` + ${short(bias)}`}`),
    attention: ({ q, k, v }, { layerIndex, headCount, kvHeadCount, headDim, scale, slidingWindowTokens }) =>
      define(
        `attention ${q} ${k} ${v} layer ${layerIndex} heads ${headCount}/${kvHeadCount}×${headDim} scale ${scale} window ${String(slidingWindowTokens)}`,
      ),
    gatedSilu: (gate, up) => define(`silu ${gate} · ${up}`),
    add: (a, b) => define(`add ${a} ${b}`),
    logits: (x, weight) => void define(`logits ${x} ${short(weight)}`),
  };
  return { builder, lines };
}
