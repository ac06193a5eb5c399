import type { GpuCheck } from "./check-gpu.ts";
import type { GpuIdentity } from "./gpu-identity.ts";

/** Why `auto` does not take a GPU. */
export interface VerdictFailure {
  /** Kernels gave other values, or there is no result: the driver failed, or it took too long. */
  readonly kind: "kernels-differ" | "not-checked";
  /** At most 2,000 characters. */
  readonly text: string;
}

/** Whether the kernels compute the stored values on a GPU. Plain data. */
export interface KernelVerdict {
  readonly identity: GpuIdentity;
  readonly checkedAtMs: number;
  readonly kernelCount: number;
  /** `undefined` where every kernel gives the stored values. */
  readonly failure: VerdictFailure | undefined;
}

const maxShownKernels = 5;
const maxTextLength = 2000;

/** Kernels that do not compute the stored values, and why; empty where all do. */
export function describeDeviations({ kernels }: Pick<GpuCheck, "kernels">): string {
  const wrong = kernels.filter(({ isWithin }) => !isWithin);
  if (wrong.length === 0) return "";
  const shown = wrong
    .slice(0, maxShownKernels)
    .map(({ kernel, deviation, tolerance, problem }) =>
      problem === undefined
        ? `${kernel} (expected a deviation of ${tolerance} at most, got ${deviation.toPrecision(2)})`
        : `${kernel} (${problem})`,
    );
  const rest = wrong.length > shown.length ? `, and ${wrong.length - shown.length} more` : "";
  return `${wrong.length} of ${kernels.length} kernels do not compute the stored values: ${shown.join(", ")}${rest}`;
}

/** What a check says of a GPU. */
export function verdictOf(identity: GpuIdentity, check: GpuCheck, checkedAtMs: number): KernelVerdict {
  return { identity, checkedAtMs, kernelCount: check.kernels.length, failure: failureOf(check) };
}

function failureOf(check: GpuCheck): VerdictFailure | undefined {
  const { kernels, problem = "no kernel was run" } = check;
  if (kernels.length === 0) return { kind: "not-checked", text: problem.slice(0, maxTextLength) };
  const text = describeDeviations(check).slice(0, maxTextLength);
  return text === "" ? undefined : { kind: "kernels-differ", text };
}
