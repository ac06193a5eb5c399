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
  const joined = (weight: WeightRef | readonly WeightRef[]): string =>
    "name" in weight ? short(weight) : `[${weight.map(short).join(", ")}]`;
  const short = ({ name }: WeightRef): string => name.replace("model.", "").replace(/\.weight$/, "");
  const plus = (bias: WeightRef | undefined): string => (bias === undefined ? "" : ` + ${short(bias)}`);
  const builder: DecoderBuilder<string> = {
    embed: (weight) => define(`embed ${short(weight)}`),
    embedPositions: (weight) => define(`embed positions ${short(weight)}`),
    norm: (x, { weight, bias }, { kind, epsilon, weightOffset }) =>
      define(
        `${kind} norm ${x} ${weightOffset === 0 ? "" : `${weightOffset} + `}${joined(weight)}${plus(bias)} ${epsilon}`,
      ),
    linear: (x, weight, bias) => define(`linear ${x} ${short(weight)}${plus(bias)}`),
    slice: (x, { groupCount, start, size }) =>
      define(`slice ${x} ${start} to ${start + size} of ${groupCount} groups`),
    attention: ({ q, k, v }, options) => {
      const { layerIndex, headCount, kvHeadCount, headDim, scale, softCap, slidingWindowTokens, rotary } =
        options;
      const { queryScaling, sinks } = options;
      const parts = [
        `attention ${q} ${k} ${v} layer ${layerIndex} heads ${headCount}/${kvHeadCount}×${headDim} scale ${scale}`,
        queryScaling === undefined
          ? []
          : `queries by ${queryScaling.beta} from ${queryScaling.originalContextTokens}`,
        softCap === undefined ? [] : `cap ${softCap}`,
        slidingWindowTokens === undefined ? [] : `window ${slidingWindowTokens}`,
        sinks === undefined ? [] : `sinks ${short(sinks)}`,
        rotary === undefined ? "no rotation" : `rotation ${rotary.index}`,
      ];
      return define(parts.flat().join(" "));
    },
    experts(x, { logits, expertCount, expertsPerToken, areWeightsNormalized }, expert) {
      const kind = areWeightsNormalized ? "normalized" : "plain";
      const rows = define(`${expertsPerToken} experts by ${logits} for ${x}`);
      const outputs = Array.from({ length: expertCount }, (_, index) => expert(rows, index));
      return define(`${kind} sum of experts ${outputs.join(" ")}`);
    },
    activate: (x, activation) => define(`${activation} ${x}`),
    clip: (x, { min, max }) => define(`clip ${x} from ${min} to ${max}`),
    multiply: (a, b) => define(`multiply ${a} ${b}`),
    scale: (x, factor) => define(`scale ${x} ${factor}`),
    add: (a, b) => define(`add ${a} ${b}`),
    logits: (x, weight, { bias, softCap }) =>
      void define(
        `logits ${x} ${short(weight)}${plus(bias)}${softCap === undefined ? "" : ` cap ${softCap}`}`,
      ),
  };
  return { builder, lines };
}
