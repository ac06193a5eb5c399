import { MemoryError } from "../../errors.ts";
import { cudaErrorOutOfMemory } from "./cuda-functions.ts";

/**
 * `CUresult` values after which every later call of the process fails: a driver that is shutting down (4), a device that is
 * gone or busy (46, 100), uncorrectable memory or link errors (214, 220, 226), kernels that broke the context (700, 702,
 * 709, 710, 714 to 719, 721), a fabric or a server of the driver that is not there any more (802, 806, 810), a device outside
 * (911), and what the driver has no name for (999), as where a GPU fell off the bus.
 */
const stickyStatuses: ReadonlySet<number> = new Set([
  4, 46, 100, 214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 721, 802, 806, 810, 911, 999,
]);

/** A failed call of the driver, of NVML or of cuBLASLt, with the library's name and text of the status. */
export class CudaError extends MemoryError {
  override readonly name: string = "CudaError";
  /** The function, such as `cuMemAlloc_v2`. */
  readonly call: string;
  /** `CUresult`, `nvmlReturn_t` or `cublasStatus_t`. */
  readonly status: number;
  /** Such as `CUDA_ERROR_OUT_OF_MEMORY`; the number where the library has no name. */
  readonly statusName: string;

  constructor(
    failure: {
      readonly code: "CUDA_ERROR" | "NVML_ERROR" | "CUBLAS_ERROR";
      readonly call: string;
      readonly status: number;
      readonly statusName: string;
      readonly text: string;
    },
    options?: ErrorOptions,
  ) {
    const { code, call, status, statusName, text } = failure;
    super(code, `${call} returned ${statusName} (${status}): ${text}`, options);
    this.call = call;
    this.status = status;
    this.statusName = statusName;
  }

  /** Whether the context is lost: later calls fail as well, and the process must end. */
  get isSticky(): boolean {
    return this.code === "CUDA_ERROR" && stickyStatuses.has(this.status);
  }

  /** Whether the device had not enough memory; the context stays usable. */
  get isOutOfMemory(): boolean {
    return this.code === "CUDA_ERROR" && this.status === cudaErrorOutOfMemory;
  }
}
