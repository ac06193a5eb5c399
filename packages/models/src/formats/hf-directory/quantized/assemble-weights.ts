import { ModelError } from "../../../errors.ts";
import type { AssembleWeights } from "../../../weights/safetensors/open-weight-index.ts";
import { denseWeight, type StoredWeight, type TensorInfo } from "../../../weights/stored-weight.ts";
import { fitGroups } from "./fit-groups.ts";
import type { GroupedQuantization, PackedQuantization } from "./grouped-method.ts";
import { packedWeight } from "./mxfp4.ts";
import { readColumnGroups } from "./read-column-groups.ts";
import type { DeclaredQuantization } from "./read-quantization.ts";

/** Where a checkpoint says how it is quantized. */
export interface QuantizationSources {
  /** What its config declares. */
  readonly declared: DeclaredQuantization | undefined;
  /** Reads what another file declares, for a config that declares nothing. */
  readonly readOther: () => Promise<DeclaredQuantization | undefined>;
}

/**
 * Creates what makes the weights of a directory: those of quantized modules of several tensors each, under the name of
 * the weight that they stand for, and one of each other tensor. Which modules are quantized is seen by their tensors.
 */
export function createAssembler({ declared, readOther }: QuantizationSources): AssembleWeights {
  return async (tensors, read) => {
    const packed = [...tensors.keys()].find((name) => name.endsWith(".qweight"));
    const quantization = declared ?? (packed === undefined ? undefined : await readOther());
    const weights = new Map<string, StoredWeight>();
    const used = new Set<TensorInfo>();
    const assembly = { tensors, weights, used, read };
    if (quantization !== undefined) {
      if ("dataSuffix" in quantization) addPacked(quantization, assembly);
      else await addGroups(quantization, assembly);
    }
    for (const [name, tensor] of tensors) if (!used.has(tensor)) weights.set(name, denseWeight(tensor));
    if (packed !== undefined && weights.has(packed)) throw undeclaredError(tensors.get(packed));
    return weights;
  };
}

interface Assembly {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly weights: Map<string, StoredWeight>;
  readonly used: Set<TensorInfo>;
  readonly read: (tensor: TensorInfo) => Promise<Uint8Array>;
}

function addPacked(
  { dataSuffix, scalesSuffix }: PackedQuantization,
  { tensors, weights, used }: Assembly,
): void {
  for (const [dataName, data] of tensors) {
    if (!dataName.endsWith(dataSuffix)) continue;
    const name = dataName.slice(0, -dataSuffix.length);
    assertOnly(tensors, name, data);
    const scales = tensors.get(`${name}${scalesSuffix}`);
    weights.set(name, packedWeight(data, scales));
    for (const part of [data, scales]) if (part !== undefined) used.add(part);
  }
}

async function addGroups(
  { method, settings, tensors: names }: GroupedQuantization,
  { tensors, weights, used, read }: Assembly,
): Promise<void> {
  const suffix = `.${names.data}`;
  for (const [dataName, data] of tensors) {
    if (!dataName.endsWith(suffix)) continue;
    const module = dataName.slice(0, -suffix.length);
    const find = (name: string | undefined): TensorInfo | undefined => tensors.get(`${module}.${name}`);
    const name = `${module}.weight`;
    assertOnly(tensors, name, data);
    const fitted = await fitGroups({ data, names, settings, read, find });
    const groups = find(names.columnGroups);
    const columnGroups = groups && (await readColumnGroups(groups, fitted, read));
    weights.set(name, {
      encoding: "grouped",
      method,
      ...fitted,
      data,
      dataPacking: names.dataPacking,
      areScalesTransposed: names.areScalesTransposed,
      zeroPointPacking: names.zeroPointPacking,
      ...(columnGroups && { columnGroups }),
    });
    for (const part of [data, fitted.scales, fitted.zeroPoints, groups, find(names.shape)]) {
      if (part !== undefined) used.add(part);
    }
  }
}

function assertOnly(tensors: ReadonlyMap<string, TensorInfo>, name: string, data: TensorInfo): void {
  if (!tensors.has(name)) return;
  const mismatch = { expected: `either ${data.name} or a weight of numbers`, got: "both" };
  throw new ModelError("TENSOR_DUPLICATED", mismatch, { file: data.filePath, tensor: name });
}

function undeclaredError(tensor: TensorInfo | undefined): ModelError {
  const mismatch = {
    expected: "weights in F32, F16 or BF16, or a quantization_config in config.json",
    got: "packed integers",
    advice: "fetch config.json or quantize_config.json of the same checkpoint",
  };
  return new ModelError("UNSUPPORTED_QUANTIZATION", mismatch, {
    file: tensor?.filePath,
    tensor: tensor?.name,
  });
}
