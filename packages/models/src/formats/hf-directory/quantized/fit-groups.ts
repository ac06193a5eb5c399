import { ModelError } from "../../../errors.ts";
import { packedShape } from "../../../weights/grouped/unpack-integers.ts";
import { isSameShape, shapeText } from "../../../weights/shape.ts";
import type { GroupedWeight, TensorInfo } from "../../../weights/stored-weight.ts";
import { assertTensor } from "./assert-tensor.ts";
import type { GroupedTensors, GroupSettings } from "./grouped-method.ts";

/** The tensors of one module. */
export interface ModuleTensors {
  readonly data: TensorInfo;
  readonly names: GroupedTensors;
  readonly settings: readonly GroupSettings[];
  /** A tensor of the same module. */
  readonly find: (name: string | undefined) => TensorInfo | undefined;
  readonly read: (tensor: TensorInfo) => Promise<Uint8Array>;
}

/** What the shapes of the tensors say about their weight. */
export type FittedGroups = Pick<GroupedWeight, "shape" | "bits" | "groupSize" | "scales" | "zeroPoints">;

const integerDtypes = ["I32"] as const;
const scaleDtypes = ["F16", "BF16", "F32"] as const;

/**
 * Finds the settings that the tensors of a module have the shapes of. Where there are none, the error is about the
 * first ones.
 * @throws ModelError `TENSOR_MISSING`, `UNSUPPORTED_DTYPE`, `TENSOR_SHAPE_MISMATCH`, `INVALID_QUANTIZATION`
 */
export async function fitGroups(module: ModuleTensors): Promise<FittedGroups> {
  const { data, names } = module;
  assertTensor(data, integerDtypes);
  assertMatrix(data);
  const scales = findBeside(module, names.scales);
  assertTensor(scales, scaleDtypes);
  assertMatrix(scales);
  const [rows = 0] = names.areScalesTransposed ? scales.shape.toReversed() : scales.shape;
  const columns = await readColumns(module, rows);
  const candidates = module.settings.map((settings) => new Candidate(module, settings, { rows, columns }));
  const fitting = candidates.find((candidate) => candidate.fits(scales)) ?? candidates[0];
  if (fitting === undefined) throw new Error("expected settings of a quantization");
  return fitting.assertFits(scales);
}

/** The shapes that a module should have by its settings. */
class Candidate {
  readonly #module: ModuleTensors;
  readonly #settings: GroupSettings;
  readonly #shape: readonly [rows: number, columns: number];
  readonly #groupSize: number;

  constructor(
    module: ModuleTensors,
    settings: GroupSettings,
    { rows, columns }: { readonly rows: number; readonly columns: number | undefined },
  ) {
    this.#module = module;
    this.#settings = settings;
    const { data, names } = module;
    const { axis, isTransposed } = names.dataPacking;
    const [first = 0, second = 0] = data.shape;
    const stored = isTransposed ? first : second;
    const inWords = axis === "columns" ? Math.floor((stored * 32) / settings.bits) : stored;
    this.#shape = [rows, columns ?? inWords];
    this.#groupSize = settings.groupSize ?? this.#shape[1];
  }

  fits(scales: TensorInfo): boolean {
    const { data, names, find } = this.#module;
    const zeroPoints = find(names.zeroPoints);
    return (
      isSameShape(data.shape, this.#dataShape()) &&
      isSameShape(scales.shape, this.#scaleShape()) &&
      (!this.#settings.hasZeroPoints ||
        (zeroPoints !== undefined && isSameShape(zeroPoints.shape, this.#zeroPointShape())))
    );
  }

  assertFits(scales: TensorInfo): FittedGroups {
    const { data, names } = this.#module;
    const { bits, hasZeroPoints } = this.#settings;
    const groupSize = this.#groupSize;
    if (!Number.isInteger(this.#groupCount)) {
      const mismatch = {
        expected: `a multiple of the group size ${groupSize} as columns`,
        got: String(this.#shape[1]),
      };
      throw new ModelError("INVALID_QUANTIZATION", mismatch, {
        file: data.filePath,
        tensor: data.name,
        field: "group_size",
      });
    }
    assertTensor(data, integerDtypes, this.#dataShape());
    assertTensor(scales, scaleDtypes, this.#scaleShape());
    if (!hasZeroPoints) return { shape: this.#shape, bits, groupSize, scales };
    const zeroPoints = findBeside(this.#module, names.zeroPoints);
    assertTensor(zeroPoints, integerDtypes, this.#zeroPointShape());
    return { shape: this.#shape, bits, groupSize, scales, zeroPoints };
  }

  get #groupCount(): number {
    return this.#shape[1] / this.#groupSize;
  }

  #dataShape(): readonly number[] {
    const [rows, columns] = this.#shape;
    return packedShape({ rows, columns, bits: this.#settings.bits, packing: this.#module.names.dataPacking });
  }

  #scaleShape(): readonly number[] {
    const shape = [this.#shape[0], this.#groupCount];
    return this.#module.names.areScalesTransposed ? shape.toReversed() : shape;
  }

  #zeroPointShape(): readonly number[] {
    const packing = this.#module.names.zeroPointPacking;
    return packedShape({
      rows: this.#shape[0],
      columns: this.#groupCount,
      bits: this.#settings.bits,
      packing,
    });
  }
}

/** Columns by the tensor that stores the shape of the weight; `undefined` where there is none. */
async function readColumns({ names, find, read }: ModuleTensors, rows: number): Promise<number | undefined> {
  const tensor = find(names.shape);
  if (tensor === undefined) return undefined;
  assertTensor(tensor, ["I64", "I32"], [2]);
  const { buffer } = await read(tensor);
  const [storedRows = 0, columns = 0] = Array.from<number | bigint, number>(
    tensor.dtype === "I64" ? new BigInt64Array(buffer) : new Int32Array(buffer),
    Number,
  );
  if (storedRows === rows && columns >= 1 && Number.isSafeInteger(columns)) return columns;
  const mismatch = {
    expected: `a shape of ${rows} rows, as the scales have`,
    got: shapeText([storedRows, columns]),
  };
  throw new ModelError("INVALID_QUANTIZATION", mismatch, { file: tensor.filePath, tensor: tensor.name });
}

function findBeside({ data, find }: ModuleTensors, name: string): TensorInfo {
  const tensor = find(name);
  if (tensor !== undefined) return tensor;
  const missing = `${data.name.slice(0, data.name.lastIndexOf("."))}.${name}`;
  const mismatch = { expected: `a tensor of this name beside ${data.name}`, got: "none" };
  throw new ModelError("TENSOR_MISSING", mismatch, { file: data.filePath, tensor: missing });
}

function assertMatrix({ name, filePath, shape }: TensorInfo): void {
  if (shape.length === 2 && shape.every((size) => size >= 1)) return;
  const mismatch = { expected: "a matrix", got: shapeText(shape) };
  throw new ModelError("TENSOR_SHAPE_MISMATCH", mismatch, { file: filePath, tensor: name });
}
