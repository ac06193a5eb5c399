import { CudaError, type CudaMemoryPool } from "@infernode/memory/cuda";
import { reasonOf } from "../../../errors.ts";
import { assertKnownKeys } from "../../assert-options.ts";
import { assertCudaPool, assertDevice } from "../step/assert-device.ts";
import { CaseRunner } from "./case-runner.ts";
import { deviationOf } from "./digest.ts";
import { caseName, type CaseOutput, type KernelCase } from "../cases/kernel-case.ts";
import { kernelCases } from "../cases/kernel-cases.ts";
import { storedValues as shippedValues } from "./stored-values.ts";

/** What a kernel computed on a device, compared with the stored values. */
export interface KernelCheck {
  /** Module and kernel: `gemv/gemv_bf16_r1`. */
  readonly kernel: string;
  readonly isWithin: boolean;
  /** Largest difference, as a share of the largest stored value; NaN where the kernel wrote NaN or was not run. */
  readonly deviation: number;
  readonly tolerance: number;
  /** Why it has no values: the driver's error, or that there was no time. */
  readonly problem: string | undefined;
}

export interface KernelCheckOptions {
  /** On the device that is checked. */
  readonly pool: CudaMemoryPool;
  /** No kernel is begun after it. [30,000] */
  readonly timeoutMs?: number;
  /** Digests of the outputs of each kernel. [those of this package] */
  readonly storedValues?: typeof shippedValues;
  /** [`performance.now`] */
  readonly now?: () => number;
}

/**
 * Runs every kernel of this package once and compares what it writes with stored values, which were computed from the same
 * PTX on a processor. After an error that the device does not recover from no other kernel is run.
 *
 * @throws InferenceError `INVALID_EXECUTOR_OPTIONS`; `EXECUTOR_UNAVAILABLE` for a GPU or a driver that the kernels do not run on
 */
export async function checkKernels(options: KernelCheckOptions): Promise<readonly KernelCheck[]> {
  assertKnownKeys(options, ["pool", "timeoutMs", "storedValues", "now"]);
  const { pool, timeoutMs = 30_000, storedValues = shippedValues, now = () => performance.now() } = options;
  assertCudaPool(pool);
  assertDevice(pool.device);
  const endsAt = now() + timeoutMs;
  const runner = new CaseRunner(pool);
  const checks: KernelCheck[] = [];
  let lostAt: string | undefined;
  for (const each of kernelCases()) {
    const obstacle = lostAt ?? (now() > endsAt ? `${timeoutMs} ms were over` : undefined);
    if (obstacle !== undefined) {
      checks.push(failureOf(each, `not run: ${obstacle}`));
      continue;
    }
    try {
      checks.push(compare(each, await runner.run(each), storedValues[caseName(each)]));
    } catch (error) {
      checks.push(failureOf(each, reasonOf(error)));
      if (error instanceof CudaError && error.isSticky) lostAt = `the device was lost at ${caseName(each)}`;
    }
  }
  // Of a device that is lost nothing can be released.
  if (lostAt === undefined) runner[Symbol.dispose]();
  return checks;
}

function outputsOf({ args }: KernelCase): readonly CaseOutput[] {
  return args.filter((each): each is CaseOutput => typeof each === "object" && each.kind === "output");
}

function compare(
  each: KernelCase,
  digests: readonly (readonly number[])[],
  stored: readonly (readonly number[])[] = [],
): KernelCheck {
  const kernel = caseName(each);
  // The output that is furthest from its tolerance is the kernel's.
  const checks = outputsOf(each).map(({ tolerance }, at): KernelCheck => {
    const deviation = deviationOf(digests[at] ?? [], stored[at] ?? [Number.NaN]);
    return { kernel, isWithin: deviation <= tolerance, deviation, tolerance, problem: undefined };
  });
  return (
    checks.find(({ isWithin }) => !isWithin) ?? checks.reduce((a, b) => (b.deviation > a.deviation ? b : a))
  );
}

function failureOf(each: KernelCase, problem: string): KernelCheck {
  const tolerance = Math.max(...outputsOf(each).map((output) => output.tolerance));
  return { kernel: caseName(each), isWithin: false, deviation: Number.NaN, tolerance, problem };
}
