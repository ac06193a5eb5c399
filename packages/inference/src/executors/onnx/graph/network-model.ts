import { OnnxDecoderBuilder } from "./onnx-decoder-builder.ts";
import type { SlotDtype } from "../../executor.ts";
import type { ExecutorModel } from "../../executor-provider.ts";
import { summarizeNetwork, usedTensors } from "../../network/network-summary.ts";
import { resolveWeightFiles } from "./weight-files.ts";

/** The model that a session loads. */
export interface NetworkModel {
  /** Encodes the graph, which refers to the weights by file and offset. */
  encode(): Uint8Array;
  /** The directory that the references are relative to. */
  readonly weightsDirectory: string;
}

/**
 * Builds the graph of a model from its config and weight index; reads no weights.
 *
 * @throws InferenceError `EXECUTOR_FAILED`, `SHAPE_MISMATCH`, `UNSUPPORTED_DTYPE`, `UNSUPPORTED_MODEL`
 */
export async function buildNetworkModel(
  model: Pick<ExecutorModel, "config" | "architecture" | "weights">,
  { kvCacheDtype, hasAdapters }: { readonly kvCacheDtype: SlotDtype; readonly hasAdapters: boolean },
): Promise<NetworkModel> {
  const { weights } = model;
  const files = await resolveWeightFiles([...usedTensors(model)].map(({ filePath }) => filePath));
  const builder = new OnnxDecoderBuilder({
    weight: (name) => weights.weight(name),
    locations: files.locations,
    kvCacheDtype,
    adaptable: hasAdapters ? summarizeNetwork(model).adaptable : undefined,
  });
  model.architecture.build(model.config, builder);
  return { encode: () => builder.graph.toModel(), weightsDirectory: files.rootDirectory };
}
