import { InferenceError } from "../../errors.ts";
import type { AdapterChange, AdapterSource, AdapterStorage } from "../adapter-storage.ts";

/** Far beyond those of any adapter that was trained, and far below what makes a product infinite. */
const largestNumber = 1e9;

/** A product that adapters can change. */
export interface AdaptableProduct {
  readonly weightName: string;
  readonly inputSize: number;
  readonly outputSize: number;
}

/** What there is room for, and the names of the products' weights. */
interface AdapterRoom extends Pick<AdapterStorage, "maxAdapters" | "maxRank"> {
  readonly products: Pick<ReadonlySet<string>, "has">;
}

/**
 * Checks that there is room for an adapter, and that it changes products of the network.
 * @throws InferenceError `INVALID_ADAPTER`
 */
export function assertAdapterFits(
  place: number,
  { rank, targets }: AdapterSource,
  { maxAdapters, maxRank, products }: AdapterRoom,
): void {
  if (!Number.isInteger(place) || place < 1 || place > maxAdapters) {
    throw invalid("place", `a place from 1 to ${maxAdapters}`, place);
  }
  if (!(rank <= maxRank)) throw invalid("rank", `a rank of at most ${maxRank}`, rank);
  for (const target of targets) {
    if (!products.has(target.weightName)) {
      throw invalid("targets", "products of the network", target.weightName);
    }
    if (!(target.rank >= 1 && target.rank <= rank)) {
      throw invalid(target.weightName, `a rank from 1 to ${rank}`, target.rank);
    }
  }
}

/**
 * Checks the sizes and the numbers of what changes a product. A neighbour's row may be multiplied too, and the result with
 * 0: it must be finite.
 *
 * @throws InferenceError `INVALID_ADAPTER`
 */
export function assertAdapterChange(
  { weightName, inputSize, outputSize }: AdaptableProduct,
  rank: number,
  { down, up }: AdapterChange,
): void {
  if (down.length !== rank * inputSize || up.length !== rank * outputSize) {
    const expected = `matrices (${rank}, ${inputSize}) and (${rank}, ${outputSize})`;
    throw invalid(weightName, expected, `${down.length} and ${up.length} numbers`);
  }
  for (const numbers of [down, up]) {
    const at = numbers.findIndex((number) => !(Math.abs(number) <= largestNumber));
    if (at === -1) continue;
    throw invalid(weightName, `numbers from -${largestNumber} to ${largestNumber}`, numbers[at]!);
  }
}

function invalid(field: string, expected: string, got: string | number): InferenceError {
  return new InferenceError("INVALID_ADAPTER", { field, expected, got });
}
