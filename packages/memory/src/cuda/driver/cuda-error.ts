import { MemoryError } from "../../errors.ts";

/** A failed call of the driver or of NVML, with the library's name and text of the status. */
export class CudaError extends MemoryError {
  override readonly name: string = "CudaError";
  /** The function, such as `cuMemAlloc_v2`. */
  readonly call: string;
  /** `CUresult` or `nvmlReturn_t`. */
  readonly status: number;
  /** Such as `CUDA_ERROR_OUT_OF_MEMORY`; the number where the library has no name. */
  readonly statusName: string;

  constructor(
    failure: {
      readonly code: "CUDA_ERROR" | "NVML_ERROR";
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
}
