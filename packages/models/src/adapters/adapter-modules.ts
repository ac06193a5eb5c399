import type { ModelConfig } from "../config/model-config.ts";
import { familyOf, tensorNaming } from "../families/find-family.ts";
import { placeTensor } from "../families/place-tensor.ts";
import { listProducts } from "../network/list-products.ts";
import type { WeightRef } from "../network/decoder-builder.ts";

/** A product of the network, and which rows of a module's matrix are its own. */
export interface ModuleProduct {
  readonly weight: WeightRef;
  /** In the order of the network. */
  readonly rows: Int32Array;
}

/** What a module of transformers is in a network. */
export interface AdapterModule {
  readonly products: readonly ModuleProduct[];
  /** Columns and rows of its matrix. */
  readonly inputSize: number;
  readonly outputSize: number;
}

const suffix = ".weight";

/**
 * The modules of a network that adapters can change, by their names in it: its products, and matrices that hold several
 * of those.
 */
export function listAdapterModules(config: ModelConfig): ReadonlyMap<string, AdapterModule> {
  const family = familyOf(config);
  const modules = new Map<string, AdapterModule>();
  const weights = new Map<string, WeightRef>();
  for (const { weight, isAdaptable } of listProducts(family, config)) {
    if (!isAdaptable || !weight.name.endsWith(suffix)) continue;
    const [outputSize = 0, inputSize = 0] = weight.shape;
    const name = weight.name.slice(0, -suffix.length);
    weights.set(weight.name, weight);
    modules.set(name, {
      products: [{ weight, rows: rowOrder(name, outputSize, config) }],
      inputSize,
      outputSize,
    });
  }
  for (const { name, parts, layout = "rows" } of family.fusedWeights?.(config) ?? []) {
    const products: ModuleProduct[] = [];
    let start = 0;
    for (const part of parts) {
      const weight = weights.get(part.name);
      const own = rowOrder(part.name.slice(0, -suffix.length), part.rowCount, config);
      if (weight !== undefined) products.push({ weight, rows: own.map((row) => start + row) });
      start += part.rowCount;
    }
    if (layout !== "rows" || products.length !== parts.length) continue;
    const inputSize = products[0]?.weight.shape[1] ?? 0;
    modules.set(name.slice(0, -suffix.length), { products, inputSize, outputSize: start });
  }
  return modules;
}

/** The name of a module in the network, of its name in transformers; `undefined` for one of another part of the model. */
export function moduleNaming(config: ModelConfig): (moduleName: string) => string | undefined {
  const nameTensor = tensorNaming(config);
  const stored = familyOf(config).tensors;
  return (moduleName) => {
    const named = nameTensor(moduleName + suffix);
    const placed = named === undefined || stored === undefined ? named : placeTensor(named, stored)?.name;
    return placed?.slice(0, -suffix.length);
  };
}

/** The rows of a product as Hugging Face's files have them, in the order of the network, which a converter to GGUF changes. */
function rowOrder(moduleName: string, rowCount: number, config: ModelConfig): Int32Array {
  const converted = familyOf(config).gguf?.resolve?.(config);
  const isPaired = converted?.hasInterleavedRope === true && config.hasInterleavedRope;
  if (isPaired && /\.self_attn\.[qk]_proj$/.test(moduleName)) return pairedHalves(rowCount, config.headDim);
  const isRegrouped = converted?.fusedQkvGroupCount === 1 && config.fusedQkvGroupCount === 1;
  if (isRegrouped && moduleName.endsWith(".self_attn.qkv_proj")) return regrouped(config);
  return Int32Array.from({ length: rowCount }, (_, row) => row);
}

/** Of each head, the first row of each half, then the second ones, and so on. */
function pairedHalves(rowCount: number, headDim: number): Int32Array {
  const half = headDim / 2;
  return Int32Array.from({ length: rowCount }, (_, row) => {
    const at = row % headDim;
    return row - at + (at % 2) * half + Math.floor(at / 2);
  });
}

/** All queries, then all keys, then all values, of groups that have a head of keys and of values, and its queries. */
function regrouped({ headCount, kvHeadCount, headDim }: ModelConfig): Int32Array {
  const queries = headCount / kvHeadCount;
  const rows: number[] = [];
  for (const [first, count] of [
    [0, queries],
    [queries, 1],
    [queries + 1, 1],
  ] as const) {
    for (let group = 0; group < kvHeadCount; group += 1) {
      const start = (group * (queries + 2) + first) * headDim;
      for (let row = 0; row < count * headDim; row += 1) rows.push(start + row);
    }
  }
  return Int32Array.from(rows);
}
