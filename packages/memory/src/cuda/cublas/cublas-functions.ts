/**
 * The functions of cuBLASLt with their C types; those of CUDA 12 and of CUDA 13 are the same.
 * @see https://docs.nvidia.com/cuda/cublas/#using-the-cublaslt-api
 */
export const cublasFunctions = {
  cublasLtCreate: ["pointer"],
  cublasLtDestroy: ["address"],
  cublasLtMatmulDescCreate: ["pointer", "int32", "int32"],
  cublasLtMatmulDescSetAttribute: ["address", "int32", "pointer", "size"],
  cublasLtMatmulDescDestroy: ["address"],
  cublasLtMatrixLayoutCreate: ["pointer", "int32", "uint64", "uint64", "uint64"],
  cublasLtMatrixLayoutSetAttribute: ["address", "int32", "pointer", "size"],
  cublasLtMatrixLayoutDestroy: ["address"],
  cublasLtMatmulPreferenceCreate: ["pointer"],
  cublasLtMatmulPreferenceSetAttribute: ["address", "int32", "pointer", "size"],
  cublasLtMatmulPreferenceDestroy: ["address"],
  cublasLtMatmulAlgoGetHeuristic: [
    "address",
    "address",
    "address",
    "address",
    "address",
    "address",
    "address",
    "int32",
    "pointer",
    "pointer",
  ],
  cublasLtMatmulAlgoCheck: [
    "address",
    "address",
    "address",
    "address",
    "address",
    "address",
    "pointer",
    "pointer",
  ],
  cublasLtMatmul: [
    "address",
    "address",
    "pointer",
    "address",
    "address",
    "address",
    "address",
    "pointer",
    "address",
    "address",
    "address",
    "address",
    "pointer",
    "address",
    "size",
    "address",
  ],
} as const;

/** Values, by their names in the headers. */
export const cublasValues = {
  CUBLAS_STATUS_SUCCESS: 0,
  CUBLAS_STATUS_NOT_SUPPORTED: 15,
  CUBLAS_COMPUTE_32F: 68,
  CUBLAS_OP_T: 1,
  CUDA_R_32F: 0,
  CUDA_R_16F: 2,
  CUDA_R_16BF: 14,
  CUBLASLT_MATMUL_DESC_TRANSA: 3,
  CUBLASLT_MATMUL_DESC_EPILOGUE: 7,
  CUBLASLT_MATMUL_DESC_BIAS_POINTER: 8,
  CUBLASLT_EPILOGUE_BIAS: 4,
  CUBLASLT_MATRIX_LAYOUT_COLS: 3,
  CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES: 1,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES: 5,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES: 6,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES: 7,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES: 8,
} as const;

/** Sizes of the header's structures and offsets of their fields, in bytes. */
export const cublasLayouts = {
  cublasLtMatmulAlgo_t: { sizeBytes: 64 },
  cublasLtMatmulHeuristicResult_t: { sizeBytes: 96, algo: 0, workspaceSize: 64, state: 72 },
} as const;
