import { createHash } from "node:crypto";
import { packageVersion } from "../../package-version.ts";
import type { Gpu } from "./find-gpu.ts";

/** What a check of kernels holds for: with any other value it is made again. Plain data. */
export interface GpuIdentity {
  /** `GPU-…` or `MIG-…`. */
  readonly uuid: string;
  readonly name: string;
  /** Such as `9.0`. */
  readonly computeCapability: string;
  /** Such as `580.65.06`, or `unknown`. */
  readonly driver: string;
  /** The newest that the driver supports. */
  readonly cudaVersion: string;
  /** Of the PTX and the values that are shipped. */
  readonly kernels: string;
  /** Of this package. */
  readonly version: string;
}

/** Identifies a GPU with its driver and the kernels that it would run. @throws InferenceError `EXECUTOR_UNAVAILABLE` */
export async function identifyGpu({ description, driver }: Gpu): Promise<GpuIdentity> {
  const [{ fingerprintKernels }, { readDriverVersion }] = await Promise.all([
    import("@infernode/inference/cuda"),
    import("@infernode/memory/cuda"),
  ]);
  const { uuid, name, computeCapability } = description;
  return {
    uuid,
    name,
    computeCapability: `${computeCapability.major}.${computeCapability.minor}`,
    driver: (await readDriverVersion()) ?? "unknown",
    cudaVersion: driver.cudaVersion,
    kernels: await fingerprintKernels(),
    version: packageVersion,
  };
}

/** Names the file of a check. */
export function keyOfGpu(identity: GpuIdentity): string {
  const { uuid, name, computeCapability, driver, cudaVersion, kernels, version } = identity;
  const values = [uuid, name, computeCapability, driver, cudaVersion, kernels, version];
  return createHash("sha256").update(JSON.stringify(values)).digest("hex").slice(0, 32);
}
