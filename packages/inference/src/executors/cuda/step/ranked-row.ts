import type { RowLogprobs } from "../../executor.ts";
import { mostRankedTokens } from "../network/sample-variants.ts";

/** Where `logprobs.cu` writes what, in integers. */
const [sumAt, largestAt, logitAt, rankAt, idsAt] = [0, 2, 3, 4, 6] as const;
const logitsAt = idsAt + mostRankedTokens;

/** Log-probabilities of the integers that `logprobs.cu` wrote of a row. */
export function rankedRow(integers: Int32Array, topCount: number): RowLogprobs {
  const numbers = new DataView(integers.buffer, integers.byteOffset, integers.byteLength);
  const logitOf = (at: number): number => numbers.getFloat32(at * Int32Array.BYTES_PER_ELEMENT, true);
  const logSum = logitOf(largestAt) + Math.log(numbers.getFloat64(sumAt, true));
  const top = Array.from({ length: topCount }, (_, at) => ({
    tokenId: integers[idsAt + at]!,
    logprob: logitOf(logitsAt + at) - logSum,
  }));
  return { logprob: logitOf(logitAt) - logSum, rank: integers[rankAt]!, top };
}
