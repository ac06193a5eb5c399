import type { ExecutorModel } from "../../executor-provider.ts";
import type { NetworkModel } from "./network-model.ts";
import { summarizeNetwork, type CountedWeight } from "../../network/network-summary.ts";
import { OnnxDecoderBuilder } from "./onnx-decoder-builder.ts";
import { tensorsOf } from "../../network/network-summary.ts";
import type { OnnxValue } from "./token-values.ts";
import { resolveWeightFiles } from "./weight-files.ts";

/**
 * Builds a graph of nothing but products with some weights of a network, each with an input of its own size: the
 * runtime packs a weight for its operator, whatever is around it. `undefined` where there are none.
 *
 * @throws InferenceError `EXECUTOR_FAILED`, `SHAPE_MISMATCH`, `UNSUPPORTED_DTYPE`, `UNSUPPORTED_MODEL`
 */
export async function buildProductsModel(
  model: Pick<ExecutorModel, "config" | "architecture" | "weights">,
  weightNames?: readonly string[],
): Promise<NetworkModel | undefined> {
  const products = findProducts(model, weightNames);
  if (products.length === 0) return undefined;
  const weight: ExecutorModel["weights"]["weight"] = (name) => model.weights.weight(name);
  const paths = products.flatMap(({ ref, bias }) =>
    [ref, ...(bias === undefined ? [] : [bias])].flatMap(({ name }) => {
      const stored = weight(name);
      return stored === undefined ? [] : tensorsOf(stored).map(({ filePath }) => filePath);
    }),
  );
  const files = await resolveWeightFiles(paths);
  const builder = new OnnxDecoderBuilder({ weight, locations: files.locations });
  const inputs = new Map<number, OnnxValue>();
  for (const { ref, bias } of products) {
    const width = ref.shape[1] ?? 0;
    const name = `x.${width}`;
    if (!inputs.has(width)) {
      builder.graph.addInput({ name, dtype: "float32", shape: ["T", width] });
      inputs.set(width, { width, names: { flat: name } });
    }
    const { names } = builder.linear(inputs.get(width)!, ref, bias);
    for (const [shape, output] of Object.entries(names)) {
      const tokens = shape === "flat" ? ["T"] : ["B", "S"];
      builder.graph.addOutput({ name: output, dtype: "float32", shape: [...tokens, ref.shape[0] ?? 0] });
    }
  }
  return { encode: () => builder.graph.toModel(), weightsDirectory: files.rootDirectory };
}

function findProducts(
  model: Pick<ExecutorModel, "config" | "architecture">,
  weightNames: readonly string[] | undefined,
): readonly CountedWeight[] {
  const names = weightNames && new Set(weightNames);
  const matrices = summarizeNetwork(model).weights.filter(({ use }) => use === "matrix");
  const byName = new Map(matrices.map((matrix) => [matrix.ref.name, matrix]));
  return [...byName.values()].filter(({ ref }) => names === undefined || names.has(ref.name));
}
