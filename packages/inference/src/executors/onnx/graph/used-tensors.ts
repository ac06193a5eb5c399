import type { TensorInfo } from "@infernode/models";
import { NetworkCensus } from "./network-summary.ts";
import type { ExecutorModel } from "../../executor-provider.ts";

/** The tensors that a network uses, each once. */
export function usedTensors(model: ExecutorModel): ReadonlySet<TensorInfo> {
  const census = new NetworkCensus();
  model.architecture.build(model.config, census);
  const tensors = census.weights.map(({ ref }) => model.weights.tensors.get(ref.name));
  return new Set(tensors.filter((tensor) => tensor !== undefined));
}
