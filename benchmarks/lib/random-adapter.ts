import type { AdapterSource } from "@infernode/inference";
import { architectureFor, collectWeightRefs, type Checkpoint } from "@infernode/models";
import { createRandom } from "./random.ts";

/** A LoRA adapter of random numbers that changes every projection of a Llama. */
export function randomAdapter(
  { config }: Pick<Checkpoint, "config">,
  rank: number,
  seed: number,
): AdapterSource {
  const random = createRandom(seed);
  const refs = collectWeightRefs(architectureFor(config), config);
  const numbers = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () => (random() - 0.5) / 10);
  return {
    rank,
    targets: [...refs.keys()]
      .filter((name) => name.endsWith("_proj.weight"))
      .map((weightName) => ({ weightName, rank })),
    read: async ({ weightName }) => {
      const [out = 0, in_ = 0] = refs.get(weightName)?.shape ?? [];
      return { down: numbers(rank * in_), up: numbers(rank * out) };
    },
  };
}
