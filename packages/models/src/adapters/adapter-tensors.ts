import { listNames, ModelError } from "../errors.ts";
import { isSameShape, shapeText } from "../weights/shape.ts";
import type { TensorInfo } from "../weights/stored-weight.ts";
import type { AdapterConfig } from "./adapter-config.ts";
import type { AdapterModule, ModuleProduct } from "./adapter-modules.ts";

/** The two matrices of a module of an adapter. */
export interface ModulePair {
  /** `(rank, in)` */
  readonly down: TensorInfo;
  /** `(out, rank)` */
  readonly up: TensorInfo;
  readonly rank: number;
  readonly outputSize: number;
  readonly scaling: number;
}

/** A pair of matrices, and the product whose change it is, or a part of which. */
export interface TargetTensors {
  readonly pair: ModulePair;
  readonly product: ModuleProduct;
}

/** What the tensors of an adapter are compared with. */
export interface AdapterBase {
  readonly config: AdapterConfig;
  /** By their names in the network. */
  readonly modules: ReadonlyMap<string, AdapterModule>;
  /** A module's name in the network, of its name in transformers. */
  readonly nameOf: (moduleName: string) => string | undefined;
  readonly maxRank: number;
}

const prefix = "base_model.model.";
const tensorName = /^(.+)\.lora_(A|B)(?:\.default)?\.weight$/;

/**
 * Finds what the tensors of an adapter change, by the name of the product's weight.
 *
 * @throws ModelError `UNSUPPORTED_ADAPTER` for other tensors and other modules, `TENSOR_MISSING`, `TENSOR_DUPLICATED`,
 * `TENSOR_SHAPE_MISMATCH`, `UNSUPPORTED_DTYPE`
 */
export function findTargets(
  tensors: readonly TensorInfo[],
  base: AdapterBase,
): ReadonlyMap<string, TargetTensors> {
  const targets = new Map<string, TargetTensors>();
  for (const [moduleName, { down, up }] of pairUp(tensors)) {
    const module = base.modules.get(base.nameOf(moduleName) ?? "");
    const place = { file: down.filePath, tensor: down.name };
    if (module === undefined) throw unknownModule(down, base);
    const rank = down.shape[0] ?? 0;
    const { inputSize, outputSize } = module;
    assertShape(down, [base.config.rankOf(moduleName), inputSize]);
    assertShape(up, [outputSize, rank]);
    if (rank > base.maxRank) {
      const advice = "raise the largest rank of adapters (--max-lora-rank)";
      const mismatch = { expected: `a rank of at most ${base.maxRank}`, got: String(rank), advice };
      throw new ModelError("UNSUPPORTED_ADAPTER", mismatch, place);
    }
    const pair = { down, up, rank, outputSize, scaling: base.config.scalingOf(moduleName, rank) };
    for (const product of module.products) {
      const { name } = product.weight;
      if (targets.has(name)) {
        throw new ModelError("TENSOR_DUPLICATED", { expected: `one change of ${name}`, got: "two" }, place);
      }
      targets.set(name, { pair, product });
    }
  }
  return targets;
}

type StoredPair = Pick<ModulePair, "down" | "up">;

/** Pairs of tensors by the name of their module in transformers. */
function pairUp(tensors: readonly TensorInfo[]): ReadonlyMap<string, StoredPair> {
  const pairs = new Map<string, { down?: TensorInfo; up?: TensorInfo }>();
  for (const tensor of tensors) {
    const [, stem, kind] = tensorName.exec(tensor.name) ?? [];
    const place = { file: tensor.filePath, tensor: tensor.name };
    if (stem?.startsWith(prefix) !== true) {
      const expected = `${prefix}<module>.lora_A.weight or lora_B.weight`;
      throw new ModelError("UNSUPPORTED_ADAPTER", { expected, got: "another tensor" }, place);
    }
    const moduleName = stem.slice(prefix.length);
    const pair = pairs.get(moduleName) ?? {};
    const part = kind === "A" ? "down" : "up";
    if (pair[part] !== undefined) {
      throw new ModelError("TENSOR_DUPLICATED", { expected: `one of ${moduleName}`, got: "two" }, place);
    }
    pair[part] = tensor;
    pairs.set(moduleName, pair);
  }
  return new Map(Array.from(pairs, ([name, { down, up }]) => [name, assertPair(name, down, up)]));
}

function assertPair(
  moduleName: string,
  down: TensorInfo | undefined,
  up: TensorInfo | undefined,
): StoredPair {
  if (down !== undefined && up !== undefined) return { down, up };
  const mismatch = { expected: "lora_A and lora_B", got: down === undefined ? "lora_B only" : "lora_A only" };
  const { filePath } = down ?? up!;
  throw new ModelError("TENSOR_MISSING", mismatch, { file: filePath, tensor: prefix + moduleName });
}

function unknownModule(tensor: TensorInfo, { modules }: AdapterBase): ModelError {
  const kinds = [...new Set(Array.from(modules.keys(), (name) => name.replace(/^model\.layers\.\d+\./, "")))];
  const expected = `a module of the base model that adapters can change (in its layers: ${listNames(kinds, 12)})`;
  const place = { file: tensor.filePath, tensor: tensor.name };
  return new ModelError("UNSUPPORTED_ADAPTER", { expected, got: "another one" }, place);
}

function assertShape(tensor: TensorInfo, shape: readonly number[]): void {
  const place = { file: tensor.filePath, tensor: tensor.name };
  if (!["F32", "F16", "BF16"].includes(tensor.dtype)) {
    throw new ModelError("UNSUPPORTED_DTYPE", { expected: "F32, F16 or BF16", got: tensor.dtype }, place);
  }
  if (isSameShape(tensor.shape, shape)) return;
  const expected = `${shapeText(shape)}, by the adapter's config and the base model`;
  throw new ModelError("TENSOR_SHAPE_MISMATCH", { expected, got: shapeText(tensor.shape) }, place);
}
