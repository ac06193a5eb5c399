import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import os from "node:os";
import { join } from "node:path";
import type { StoredWeight } from "@infernode/models";
import type { ExecutorModel, PrepackOptions, PrepackedTensor, PrepackTarget } from "../executor-provider.ts";
import { OnnxDecoderBuilder, weightPrefix } from "./graph/onnx-decoder-builder.ts";
import { buildProductsModel } from "./graph/products-model.ts";
import { readPrepackedCopies } from "./graph/saved-model.ts";
import { parseOnnxRuntime } from "./onnx-options.ts";
import { findOnnxLibrary } from "./runtime/ffi/library-path.ts";
import { openRuntime } from "./runtime/open-runtime.ts";
import { defaultThreadCount } from "./thread-count.ts";

const weightsName = "weights.bin";

/**
 * Says for what weights are prepacked here. The runtime orders them for its kernels, which it chooses by the features
 * of the processor; it computes the copies' keys again when it loads a model, and packs weights itself if they differ.
 */
export function describePrepackTarget({ architecture, config, weights }: ExecutorModel): PrepackTarget {
  const library = findOnnxLibrary();
  const version = "reason" in library ? "unknown" : library.version;
  const weight = (name: string): StoredWeight | undefined => weights.weight(name);
  const builder = new OnnxDecoderBuilder({ weight, locations: new Map() });
  architecture.build(config, builder);
  const processor = os.cpus()[0]?.model.trim() || "unknown";
  const identity = [version, process.platform, process.arch, processor, processorFeatures()];
  const key = createHash("sha256")
    .update(JSON.stringify([...identity, builder.graph.weightUses()]))
    .digest("hex")
    .slice(0, 16);
  return { key, description: `onnxruntime ${version} on ${processor} (${process.arch})` };
}

/** The flags of the processor, where the system says them. */
function processorFeatures(): string {
  try {
    const cpuinfo = readFileSync("/proc/cpuinfo", "utf8");
    return /^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuinfo)?.[1] ?? "";
  } catch {
    return "";
  }
}

/**
 * Has the runtime save weights of a model as it computes with them, in an empty directory, and finds them there.
 * @throws InferenceError `EXECUTOR_UNAVAILABLE`, `EXECUTOR_FAILED`
 */
export async function prepackWeights(
  model: ExecutorModel,
  { directory, threads = defaultThreadCount(), runtime: preference, weightNames }: PrepackOptions,
): Promise<readonly PrepackedTensor[]> {
  const network = await buildProductsModel(model, weightNames);
  if (network === undefined) return [];
  const { runtime } = await openRuntime(parseOnnxRuntime(preference), () => {});
  const modelPath = join(directory, "model.onnx");
  try {
    const session = await runtime.createSession(network.encode(), {
      threadCount: threads,
      weightsDirectory: network.weightsDirectory,
      saveTo: { modelPath, weightsName },
    });
    await session.dispose();
  } finally {
    runtime.dispose();
  }
  const copies = readPrepackedCopies(await readFile(modelPath));
  const filePath = join(directory, weightsName);
  return [...copies].map(([name, prepacked]) => ({
    tensorName: name.slice(weightPrefix.length),
    copies: prepacked.map(({ key, parts }) => ({
      key,
      parts: parts.map((range) => ({ filePath, ...range })),
    })),
  }));
}
