import type { ModelInspection } from "@infernode/models";

/** The rows of a model's vocabulary and layers, which its config decides. */
export function shapeRows(model: ModelInspection): readonly (readonly [name: string, value: string])[] {
  const { experts, layerCount, intermediateSize } = model;
  const isMixtureOnly = experts?.layerCount === layerCount;
  const inner = isMixtureOnly ? "" : `, intermediate ${intermediateSize}`;
  return [
    ["vocabulary", `${model.vocabSize} tokens${model.hasTiedEmbeddings ? ", tied embeddings" : ""}`],
    ["layers", `${layerCount}, hidden ${model.hiddenSize}${inner}`],
    ...(experts === undefined ? [] : [["experts", describeExperts(experts)] as const]),
    ["heads", `${model.headCount} query, ${model.kvHeadCount} key/value, dimension ${model.headDim}`],
  ];
}

type Experts = NonNullable<ModelInspection["experts"]>;

function describeExperts(experts: Experts): string {
  const { expertCount, expertsPerToken, layerCount, intermediateSize, sharedIntermediateSize } = experts;
  const shared =
    sharedIntermediateSize === undefined ? "" : `; one of ${sharedIntermediateSize} for all tokens`;
  const layers = layerCount === 1 ? "1 layer" : `each of ${layerCount} layers`;
  return `${expertCount} in ${layers}, ${expertsPerToken} for each token, intermediate ${intermediateSize}${shared}`;
}

/** Which scalings the rotations of a model's layers have, such as `rope scaling none and linear`. */
export function describeRotaries({ rotaries }: Pick<ModelInspection, "rotaries">): string {
  const types = new Set(rotaries.map(({ scaling }) => scaling.type));
  return types.size === 0 ? "no rope" : `rope scaling ${[...types].join(" and ")}`;
}
