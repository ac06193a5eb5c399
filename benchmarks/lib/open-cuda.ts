import { createCudaDevice, type CudaDevice, loadCudaDriver } from "@infernode/memory/cuda";
import { MemoryError } from "@infernode/memory";

/** Where the numbers come from; those of the stand-in driver say nothing about a GPU. */
export interface CudaSubject {
  readonly device: string;
  readonly isStandIn: boolean;
  readonly uuid: string;
  readonly cudaVersion: string;
  readonly totalBytes: number;
}

/** Opens a GPU, or the stand-in driver at a path; ends the program with a reason and success where there is none. */
export function openCuda(options: { readonly ordinal: number; readonly standIn: string | undefined }): {
  readonly device: CudaDevice;
  readonly subject: CudaSubject;
} {
  try {
    const driver = loadCudaDriver(options.standIn === undefined ? {} : { libraryPaths: [options.standIn] });
    if (driver.deviceCount === 0) throw new MemoryError("CUDA_UNAVAILABLE", "the driver shows no device");
    const device = createCudaDevice({ driver, ordinal: options.ordinal });
    const isStandIn = options.standIn !== undefined;
    const subject = {
      device: isStandIn ? "stand-in driver on host memory: not a GPU" : device.name,
      isStandIn,
      uuid: device.uuid,
      cudaVersion: driver.cudaVersion,
      totalBytes: device.totalBytes,
    };
    return { device, subject };
  } catch (error) {
    if (!(error instanceof MemoryError)) throw error;
    process.stdout.write(`nothing was measured: ${error.message}\n`);
    process.exit(0);
  }
}
