import { createCudaDevice, type CudaDevice, isStandInDevice, loadCudaDriver } from "@infernode/memory/cuda";
import { MemoryError } from "@infernode/memory";
import { parseOptions, refuseArguments } from "./parse-options.ts";

/** The source of the numbers: those of the stand-in driver are not a GPU's. */
export interface CudaSubject {
  readonly device: string;
  readonly isStandIn: boolean;
  readonly uuid: string;
  readonly cudaVersion: string;
  readonly totalBytes: number;
}

/** Options of a CUDA benchmark. */
export interface CudaBenchmarkOptions {
  readonly ordinal: number;
  readonly standIn: string | undefined;
  readonly output: string | undefined;
  /** Steps of the replayed server trace; 0 for none. */
  readonly steps: number;
}

/** Reads the flags that the CUDA benchmarks share; `--help` prints them and exits. */
export function parseCudaOptions(defaults: { readonly steps?: string } = {}): CudaBenchmarkOptions {
  const { values } = parseOptions(
    {
      options: {
        ordinal: { type: "string", default: "0" },
        ...(defaults.steps === undefined
          ? {}
          : { steps: { type: "string" as const, default: defaults.steps } }),
        output: { type: "string" },
        "stand-in": { type: "string" },
        help: { type: "boolean", default: false },
      },
    },
    { least: { steps: 0 } },
  );
  if (values.help) {
    const steps = defaults.steps === undefined ? "" : `--steps ${defaults.steps}  `;
    process.stdout.write(`options: --ordinal 0  ${steps}--output <file.json>  --stand-in <library.so>\n`);
    process.exit(0);
  }
  return {
    ordinal: Number(values.ordinal),
    standIn: values["stand-in"],
    output: values.output,
    steps: Number(values.steps ?? 0),
  };
}

/** Opens a GPU, or the stand-in driver at a path; without either, prints the reason and exits with 0. */
export function openCuda(options: { readonly ordinal: number; readonly standIn: string | undefined }): {
  readonly device: CudaDevice;
  readonly subject: CudaSubject;
} {
  try {
    const driver = loadCudaDriver(options.standIn === undefined ? {} : { libraryPaths: [options.standIn] });
    if (driver.deviceCount === 0) throw new MemoryError("CUDA_UNAVAILABLE", "the driver shows no device");
    const device = createCudaDevice({ driver, ordinal: options.ordinal });
    const isStandIn = isStandInDevice(device);
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
    if (error.code === "INVALID_ARGUMENT") refuseArguments(`--${error.message}`);
    if (options.standIn !== undefined) refuseArguments(`--stand-in: ${error.message}`);
    process.stdout.write(`nothing was measured: ${error.message}\n`);
    process.exit(0);
  }
}
