import { checkGpu, type GpuCheck } from "../../models/gpu/check-gpu.ts";
import { findGpu } from "../../models/gpu/find-gpu.ts";
import { identifyGpu } from "../../models/gpu/gpu-identity.ts";
import { createGpuVerifier, type VerifyGpu } from "../../models/gpu/gpu-verifier.ts";

/** A check of a GPU, and what becomes of it. */
export interface GpuProbe extends GpuCheck {
  /** Why the next start has to check it again; `undefined` where `auto` knows the result then. */
  readonly notKept: string | undefined;
}

/** Checks GPUs anew, each once, and keeps what `auto` is to know at the next start. */
export interface GpuProber extends Disposable {
  readonly verifyGpu: VerifyGpu;
  /** The check of the GPU with a number or UUID; `undefined` where the CUDA executor can use none. */
  probe(device: string): Promise<GpuProbe | undefined>;
}

/** Creates what checks GPUs for `doctor`. */
export function createGpuProber(cacheDirectory: string): GpuProber {
  const probes = new Map<string, GpuProbe>();
  const verifier = createGpuVerifier({
    cacheDirectory,
    check: (uuid, options) => checkGpu(uuid, { ...options, measuresCopies: true }),
    ignoresKept: true,
    onEnd: ({ verdict, check, notKept }) => {
      if (check !== undefined) probes.set(verdict.identity.uuid, { ...check, notKept });
    },
  });
  const probe: GpuProber["probe"] = async (device) => {
    const found = await findGpu(device);
    if (!("gpu" in found)) return undefined;
    const { uuid } = (await verifier.verify(await identifyGpu(found.gpu))).identity;
    return probes.get(uuid);
  };
  return { verifyGpu: verifier.verify, probe, [Symbol.dispose]: () => verifier.dispose() };
}
