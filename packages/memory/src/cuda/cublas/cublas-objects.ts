import { cublasValues } from "./cublas-functions.ts";
import type { CublasLibrary } from "./cublas-library.ts";

/** A matrix in column-major order. */
interface MatrixSize {
  /** `cudaDataType` */
  readonly dataType: number;
  /** Numbers of a column, which are neighbours. */
  readonly rows: number;
  readonly columns: number;
}

/** Creates objects of cuBLASLt; destroys them from the last to the first. The context of the device must be current. */
export class CublasObjects {
  readonly library: CublasLibrary;
  readonly #closers: (() => void)[] = [];
  readonly #out = new BigUint64Array(1);
  readonly #columns = new BigUint64Array(1);

  constructor(library: CublasLibrary) {
    this.library = library;
  }

  /** What every call is made with. */
  handle(): bigint {
    const { functions } = this.library;
    return this.#create("cublasLtCreate", functions.cublasLtCreate(this.#out), functions.cublasLtDestroy);
  }

  /** What an algorithm may use. */
  preference(workspaceBytes: number): bigint {
    const { functions } = this.library;
    const preference = this.#create(
      "cublasLtMatmulPreferenceCreate",
      functions.cublasLtMatmulPreferenceCreate(this.#out),
      functions.cublasLtMatmulPreferenceDestroy,
    );
    const limit = BigUint64Array.of(BigInt(workspaceBytes));
    this.setPreference(preference, cublasValues.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, limit);
    return preference;
  }

  /** A matrix. Its columns follow one another without a gap. */
  layout({ dataType, rows, columns }: MatrixSize): bigint {
    const { functions } = this.library;
    return this.#create(
      "cublasLtMatrixLayoutCreate",
      functions.cublasLtMatrixLayoutCreate(this.#out, dataType, rows, columns, rows),
      functions.cublasLtMatrixLayoutDestroy,
    );
  }

  /** The product of the transpose of a matrix with another one, with a bias for each row of the result or none. */
  operation(bias: bigint | undefined): bigint {
    const { functions } = this.library;
    const { CUBLAS_COMPUTE_32F, CUDA_R_32F } = cublasValues;
    const operation = this.#create(
      "cublasLtMatmulDescCreate",
      functions.cublasLtMatmulDescCreate(this.#out, CUBLAS_COMPUTE_32F, CUDA_R_32F),
      functions.cublasLtMatmulDescDestroy,
    );
    const set = (attribute: number, value: ArrayBufferView): void =>
      this.library.check(
        functions.cublasLtMatmulDescSetAttribute(operation, attribute, value, value.byteLength),
        "cublasLtMatmulDescSetAttribute",
      );
    set(cublasValues.CUBLASLT_MATMUL_DESC_TRANSA, Int32Array.of(cublasValues.CUBLAS_OP_T));
    if (bias !== undefined) {
      set(cublasValues.CUBLASLT_MATMUL_DESC_EPILOGUE, Int32Array.of(cublasValues.CUBLASLT_EPILOGUE_BIAS));
      set(cublasValues.CUBLASLT_MATMUL_DESC_BIAS_POINTER, BigUint64Array.of(bias));
    }
    return operation;
  }

  setPreference(preference: bigint, attribute: number, value: ArrayBufferView): void {
    const { functions, check } = this.library;
    check(
      functions.cublasLtMatmulPreferenceSetAttribute(preference, attribute, value, value.byteLength),
      "cublasLtMatmulPreferenceSetAttribute",
    );
  }

  setColumns(layout: bigint, count: number): void {
    const { functions, check } = this.library;
    this.#columns[0] = BigInt(count);
    const attribute = cublasValues.CUBLASLT_MATRIX_LAYOUT_COLS;
    check(
      functions.cublasLtMatrixLayoutSetAttribute(layout, attribute, this.#columns, this.#columns.byteLength),
      "cublasLtMatrixLayoutSetAttribute",
    );
  }

  /** Call again to retry after a failure. */
  dispose(): void {
    for (let close = this.#closers.at(-1); close !== undefined; close = this.#closers.at(-1)) {
      close();
      this.#closers.pop();
    }
  }

  #create(call: string, status: number, destroy: (handle: bigint) => number): bigint {
    const { check } = this.library;
    check(status, call);
    const created = this.#out[0] as bigint;
    this.#closers.push(() => check(destroy(created), call.replace("Create", "Destroy")));
    return created;
  }
}
