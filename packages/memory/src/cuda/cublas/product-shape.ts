import { cublasLayouts, cublasValues } from "./cublas-functions.ts";
import type { CublasObjects } from "./cublas-objects.ts";

/** `out = x · weightᵀ`, of matrices that are stored row by row. */
export interface ProductSize {
  /** Of `x` and `weight`. */
  readonly type: "bf16" | "f16";
  /** Outputs. */
  readonly n: number;
  /** Columns. */
  readonly k: number;
  /** What the addresses of the matrices are multiples of. */
  readonly alignments: { readonly weight: number; readonly x: number; readonly out: number };
}

/** With what algorithms are asked for. */
export interface AlgorithmSource {
  readonly objects: CublasObjects;
  readonly handle: bigint;
  readonly preference: bigint;
  readonly workspaceBytes: number;
}

/** An algorithm is asked for once for so many counts of rows. */
export const rowsOfBucket = 128;
const dataTypes = { bf16: cublasValues.CUDA_R_16BF, f16: cublasValues.CUDA_R_16F };
const { cublasLtMatmulAlgo_t: algorithm, cublasLtMatmulHeuristicResult_t: result } = cublasLayouts;

/**
 * What products of one shape have in common. To the library, which is column-major, they are of a matrix n × k, stored as its
 * transpose, with one of k × rows. Layouts are made once; a count of rows is a field that is set in two of them.
 */
export class ProductShape {
  readonly weight: bigint;
  readonly x: bigint;
  readonly out: bigint;
  readonly #source: AlgorithmSource;
  readonly #alignments: ProductSize["alignments"];
  readonly #algorithms = new Map<number, Uint8Array>();
  readonly #found = new Int32Array(1);
  #rowCount = 0;

  constructor(source: AlgorithmSource, { type, n, k, alignments }: ProductSize) {
    const { objects } = source;
    const dataType = dataTypes[type];
    this.#source = source;
    this.#alignments = alignments;
    this.weight = objects.layout({ dataType, rows: k, columns: n });
    this.x = objects.layout({ dataType, rows: k, columns: rowsOfBucket });
    this.out = objects.layout({ dataType: cublasValues.CUDA_R_32F, rows: n, columns: rowsOfBucket });
  }

  /** Sets the layouts to a count of rows. */
  setRows(rowCount: number): void {
    if (this.#rowCount === rowCount) return;
    const { objects } = this.#source;
    this.#rowCount = 0;
    objects.setColumns(this.x, rowCount);
    objects.setColumns(this.out, rowCount);
    this.#rowCount = rowCount;
  }

  /**
   * The algorithm for a count of rows: that of the largest count of its bucket, where it computes this one too. So it does not
   * depend on which counts came before.
   *
   * @throws CudaError `CUBLAS_ERROR` where there is none
   */
  algorithmFor(rowCount: number, operation: bigint): Uint8Array {
    const known = this.#algorithms.get(rowCount);
    if (known !== undefined) return known;
    const bucket = Math.ceil(rowCount / rowsOfBucket) * rowsOfBucket;
    const shared = rowCount === bucket ? undefined : this.algorithmFor(bucket, operation);
    const chosen =
      shared !== undefined && this.#isFit(shared, rowCount, operation)
        ? shared
        : this.#ask(rowCount, operation);
    this.#algorithms.set(rowCount, chosen);
    return chosen;
  }

  /** The library's first choice. */
  #ask(rowCount: number, operation: bigint): Uint8Array {
    const { objects, handle, preference } = this.#source;
    const { functions, check } = objects.library;
    const { weight, x, out } = this.#alignments;
    this.setRows(rowCount);
    const alignments = [
      [cublasValues.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, weight],
      [cublasValues.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, x],
      [cublasValues.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, out],
      [cublasValues.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, out],
    ] as const;
    for (const [attribute, bytes] of alignments) {
      objects.setPreference(preference, attribute, Uint32Array.of(bytes));
    }
    const bytes = new Uint8Array(result.sizeBytes);
    this.#found[0] = 0;
    const call = "cublasLtMatmulAlgoGetHeuristic";
    check(
      functions[call](
        handle,
        operation,
        this.weight,
        this.x,
        this.out,
        this.out,
        preference,
        1,
        bytes,
        this.#found,
      ),
      call,
    );
    check(this.#found[0] === 0 ? cublasValues.CUBLAS_STATUS_NOT_SUPPORTED : statusIn(bytes), call);
    return bytes.slice(result.algo, result.algo + algorithm.sizeBytes);
  }

  /** Whether an algorithm that was chosen for another count of rows computes this one as well. */
  #isFit(chosen: Uint8Array, rowCount: number, operation: bigint): boolean {
    const { objects, handle, workspaceBytes } = this.#source;
    this.setRows(rowCount);
    const bytes = new Uint8Array(result.sizeBytes);
    const status = objects.library.functions.cublasLtMatmulAlgoCheck(
      handle,
      operation,
      this.weight,
      this.x,
      this.out,
      this.out,
      chosen,
      bytes,
    );
    const { CUBLAS_STATUS_SUCCESS } = cublasValues;
    if (status !== CUBLAS_STATUS_SUCCESS || statusIn(bytes) !== CUBLAS_STATUS_SUCCESS) return false;
    return viewOf(bytes).getBigUint64(result.workspaceSize, true) <= BigInt(workspaceBytes);
  }
}

function statusIn(bytes: Uint8Array): number {
  return viewOf(bytes).getInt32(result.state, true);
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
