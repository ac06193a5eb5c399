import type { ExecutorMemoryPlan } from "@infernode/inference";

/** What a plan takes for heads that the runtime wants wider, such as `heads of 100 stored as 104, +4 %`; or nothing. */
export function describeCachedHeads(
  { headDim }: { readonly headDim: number },
  { kvHeadDim }: Pick<ExecutorMemoryPlan, "kvHeadDim">,
): string | undefined {
  if (kvHeadDim === headDim) return undefined;
  const percent = Math.round((100 * (kvHeadDim - headDim)) / headDim);
  return `heads of ${headDim} stored as ${kvHeadDim}, +${percent} %`;
}
