import type { Architecture, AttentionOptions, DecoderBuilder, WeightRef } from "./decoder-builder.ts";
import { ModelError } from "../errors.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { isSameShape, shapeText } from "../weights/shape.ts";

/**
 * Runs an architecture without computing anything, checks that the widths of its operations match, and lists
 * its weights, each once, in the order of use.
 *
 * @throws ModelError `TENSOR_SHAPE_MISMATCH` when the architecture contradicts itself
 */
export function collectWeightRefs(
  architecture: Architecture,
  config: ModelConfig,
): ReadonlyMap<string, WeightRef> {
  const refs = new Map<string, WeightRef>();
  architecture.build(config, createShapeBuilder(refs));
  return refs;
}

/** Creates a builder whose values are numbers of features per token. */
function createShapeBuilder(refs: Map<string, WeightRef>): DecoderBuilder<number> {
  const use = (weight: WeightRef, dimensions: number): readonly number[] => {
    const known = refs.get(weight.name);
    if (
      weight.shape.length !== dimensions ||
      (known !== undefined && !isSameShape(known.shape, weight.shape))
    ) {
      const expected = known === undefined ? `${dimensions} dimensions` : shapeText(known.shape);
      throw mismatch(weight.name, expected, shapeText(weight.shape));
    }
    refs.set(weight.name, weight);
    return weight.shape;
  };
  const assertWidth = (name: string, expected: number | undefined, width: number): void => {
    if (expected !== width) throw mismatch(name, `${expected} features`, String(width));
  };
  return {
    embed: (weight) => use(weight, 2)[1] ?? 0,
    embedPositions: (weight) => use(weight, 2)[1] ?? 0,
    norm(x, { weight, bias }) {
      if (!("name" in weight)) {
        const widths = weight.map((ref) => use(ref, 1)[0] ?? 0);
        assertWidth(
          `norms of ${weight[0]?.name}`,
          widths.reduce((sum, width) => sum + width, 0),
          x,
        );
        return x;
      }
      const isStacked = weight.shape.length === 2;
      const [groupCount = 1, size = groupCount] = use(weight, isStacked ? 2 : 1);
      if (isStacked) assertWidth(weight.name, groupCount * size, x);
      assertWidth(weight.name, 0, x % size);
      if (bias !== undefined) assertWidth(bias.name, use(bias, 1)[0], size);
      return x;
    },
    linear(x, weight, bias) {
      const [out = 0, inner] = use(weight, 2);
      assertWidth(weight.name, inner, x);
      if (bias !== undefined) {
        assertWidth(bias.name, use(bias, 1)[0], out);
      }
      return out;
    },
    slice(x, { groupCount, start, size }) {
      const isInside = x % groupCount === 0 && start + size <= x / groupCount;
      if (!isInside) throw mismatch("slice", `${groupCount} groups of ${start + size} or more`, String(x));
      return groupCount * size;
    },
    attention({ q, k, v }, { headCount, kvHeadCount, headDim, layerIndex, sinks }: AttentionOptions) {
      if (sinks !== undefined) assertWidth(sinks.name, use(sinks, 1)[0], headCount);
      assertWidth(`queries of layer ${layerIndex}`, headCount * headDim, q);
      assertWidth(`keys of layer ${layerIndex}`, kvHeadCount * headDim, k);
      assertWidth(`values of layer ${layerIndex}`, kvHeadCount * headDim, v);
      return q;
    },
    experts(x, { logits, expertCount }, expert) {
      assertWidth("logits of experts", expertCount, logits);
      const widths = Array.from({ length: expertCount }, (_, index) => expert(x, index));
      for (const [index, width] of widths.entries()) assertWidth(`expert ${index}`, widths[0], width);
      return widths[0] ?? 0;
    },
    activate: (x) => x,
    clip: (x) => x,
    multiply(a, b) {
      if (b !== 1) assertWidth("product", a, b);
      return a;
    },
    scale: (x) => x,
    add(a, b) {
      assertWidth("sum", a, b);
      return a;
    },
    logits(x, weight, { bias }) {
      const [out, inner] = use(weight, 2);
      assertWidth(weight.name, inner, x);
      if (bias !== undefined) assertWidth(bias.name, use(bias, 1)[0], out ?? 0);
    },
  };
}

function mismatch(name: string, expected: string, got: string): ModelError {
  return new ModelError("TENSOR_SHAPE_MISMATCH", { expected, got }, { tensor: name });
}
