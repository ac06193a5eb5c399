import { checkGpu, type CheckGpuOptions, type GpuCheck } from "./check-gpu.ts";
import { type GpuIdentity, keyOfGpu } from "./gpu-identity.ts";
import { type KernelVerdict, verdictOf } from "./kernel-verdict.ts";
import { readVerdict, writeVerdict } from "./verdict-store.ts";

/** Resolves with whether the kernels compute the stored values on a GPU. Never rejects. */
export type VerifyGpu = (identity: GpuIdentity) => Promise<KernelVerdict>;

/** What has become of a check. */
export interface GpuVerification {
  readonly verdict: KernelVerdict;
  /** `undefined` where the result of an earlier start was taken. */
  readonly check: GpuCheck | undefined;
  readonly durationMs: number;
  /** Why the result could not be kept; it is made again at the next start then. */
  readonly notKept: string | undefined;
}

/** What `createGpuVerifier` takes. Defaults in brackets. */
export interface GpuVerifierOptions {
  /** Where results are kept. */
  readonly cacheDirectory: string;
  /** Checks the GPU with a UUID; never rejects. [in a process of its own] */
  readonly check?: (uuid: string, options: Pick<CheckGpuOptions, "signal">) => Promise<GpuCheck>;
  /** Makes each check anew, though an earlier one was good. [false] */
  readonly ignoresKept?: boolean;
  /** Called before a check is made. */
  readonly onStart?: (identity: GpuIdentity) => void;
  /** Called with each result. */
  readonly onEnd?: (verification: GpuVerification) => void;
  /** Milliseconds since 1970. [`Date.now`] */
  readonly now?: () => number;
}

/** Says whether GPUs compute what they should. */
export interface GpuVerifier extends Disposable {
  readonly verify: VerifyGpu;
  /** Ends the checks that run. */
  dispose(): void;
}

/**
 * Creates a verifier. It checks each GPU at most once: a good result of an earlier start is taken from the cache directory,
 * and those who ask at the same time share one check.
 */
export function createGpuVerifier(options: GpuVerifierOptions): GpuVerifier {
  const { cacheDirectory, check = checkGpu, ignoresKept = false, now = Date.now } = options;
  const verdicts = new Map<string, Promise<KernelVerdict>>();
  const ending = new AbortController();

  const find = async (identity: GpuIdentity): Promise<KernelVerdict> => {
    const startedAtMs = now();
    const kept = ignoresKept ? undefined : await readVerdict(cacheDirectory, identity);
    if (kept !== undefined && kept.failure === undefined) {
      const durationMs = now() - startedAtMs;
      options.onEnd?.({ verdict: kept, check: undefined, durationMs, notKept: undefined });
      return kept;
    }
    options.onStart?.(identity);
    const made = await check(identity.uuid, { signal: ending.signal });
    const verdict = verdictOf(identity, made, now());
    if (ending.signal.aborted) return verdict;
    const notKept = await writeVerdict(cacheDirectory, verdict).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    options.onEnd?.({ verdict, check: made, durationMs: now() - startedAtMs, notKept });
    return verdict;
  };
  const verify: VerifyGpu = (identity) => {
    const key = keyOfGpu(identity);
    const found = verdicts.get(key) ?? find(identity);
    verdicts.set(key, found);
    return found;
  };
  const dispose = (): void => ending.abort();
  return { verify, dispose, [Symbol.dispose]: dispose };
}
