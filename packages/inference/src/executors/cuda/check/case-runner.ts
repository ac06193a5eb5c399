import type { CudaMemoryPool, CudaModule, CudaStream } from "@infernode/memory/cuda";
import type { KernelCase } from "../cases/kernel-case.ts";
import { loadKernelModule } from "../step/load-module.ts";
import { runCase } from "./run-case.ts";

/** Runs cases in order, with the module of the last one loaded. */
export class CaseRunner implements Disposable {
  readonly #pool: CudaMemoryPool;
  readonly #stream: CudaStream;
  #module: CudaModule | undefined;

  constructor(pool: CudaMemoryPool) {
    this.#pool = pool;
    this.#stream = pool.device.createStream();
  }

  /** Resolves with the digest of each output. @throws CudaError `CUDA_ERROR`; InferenceError `EXECUTOR_UNAVAILABLE` */
  async run(each: KernelCase): Promise<readonly (readonly number[])[]> {
    const { module: name } = each.manifest;
    if (this.#module?.manifest.module !== name) {
      this.#module?.dispose();
      this.#module = undefined;
      this.#module = await loadKernelModule(this.#pool.device, name);
    }
    const kernel = this.#module.function(each.entry);
    return runCase(each, kernel, { pool: this.#pool, stream: this.#stream });
  }

  [Symbol.dispose](): void {
    this.#module?.dispose();
    this.#stream.dispose();
  }
}
