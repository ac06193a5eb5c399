import { expect, it } from "vitest";
import { createRandom } from "../../../../../../benchmarks/lib/random.ts";
import { logprobs } from "../../../../src/executors/cuda/kernels/manifests/logprobs.ts";
import { rankedInts } from "../../../../src/executors/cuda/network/sample-variants.ts";
import { rankedRow } from "../../../../src/executors/cuda/step/ranked-row.ts";
import { createSampler } from "../../../../src/sampling/sampler.ts";
import { PlainMemory } from "../../../support/plain-memory.ts";
import { describeKernels, type KernelDevice } from "./kernel-device.ts";

const rowCount = 24;

interface RankedRows {
  readonly vocab: number;
  readonly rows: readonly Float32Array[];
  readonly tokenIds: readonly number[];
  readonly topCounts: readonly number[];
  /** Whether rows are copied, and what is ranked is the copy. */
  readonly isCopied: boolean;
}

/** What the kernels write of rows; −7 where they write nothing. */
function rank(kernels: KernelDevice, { vocab, rows, tokenIds, topCounts, isCopied }: RankedRows): Int32Array {
  const logits = kernels.put(Float32Array.from(rows.flatMap((row) => [...row])));
  const ranked = kernels.put(new Int32Array(rows.length * rankedInts).fill(-7));
  const raw = isCopied ? kernels.put(new Float32Array(rows.length * vocab).fill(Number.NaN)) : 0n;
  const wanted = kernels.put(Int32Array.from(topCounts));
  const size = [kernels.put(Int32Array.of(rows.length)), 1, vocab] as const;
  const geometry = { grid: [rows.length + 1], block: 512 } as const;
  kernels.launch("likeliest_tokens", geometry, ranked, raw, logits, wanted, ...size);
  const tokens = kernels.put(Int32Array.from(tokenIds));
  kernels.launch("token_ranks", geometry, ranked, isCopied ? raw : logits, tokens, wanted, ...size);
  return kernels.get(ranked, new Int32Array(rows.length * rankedInts));
}

describeKernels([logprobs], (open) => {
  // Fewer logits than threads and than tokens that are wanted, not a multiple of 32, several of each thread.
  it.each([1, 17, 700, 2050])(
    "gives what the host computes of %i logits, but for the rounding of sums",
    (vocab) => {
      using kernels = open();
      using sampler = createSampler({ vocabSize: vocab, memory: new PlainMemory(), model: "m" });
      const random = createRandom(vocab);
      const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;
      const rowOf = (): Float32Array => {
        const spread = pick(0, 1, 20, 300);
        // 1: many equal ones; 1024: few.
        const steps = pick(1, 4, 1024);
        return Float32Array.from({ length: vocab }, () => {
          const logit = Math.round(spread * steps * (random() + random() - 1)) / steps;
          return random() < 0.05 ? pick(-Infinity, -0) : logit;
        }).with(Math.floor(random() * vocab), spread / 2);
      };
      const rows = Array.from({ length: rowCount }, rowOf);
      const finiteId = (row: Float32Array): number => {
        const id = Math.floor(random() * vocab);
        return row[id] === -Infinity ? row.findIndex((logit) => logit > -Infinity) : id;
      };
      const tokenIds = rows.map((row) => finiteId(row));
      const topCounts = rows.map(() => pick(-1, 0, 1, 5, 20));
      const ranked = rank(kernels, { vocab, rows, tokenIds, topCounts, isCopied: pick(false, true) });
      for (const [index, row] of rows.entries()) {
        const got = ranked.subarray(index * rankedInts, (index + 1) * rankedInts);
        const topCount = topCounts[index]!;
        if (topCount === -1) {
          expect(new Set(got)).toEqual(new Set([-7]));
          continue;
        }
        const { logprob, rank, top } = rankedRow(got, Math.min(topCount, vocab));
        const expected = sampler.logprobsOf(row, tokenIds[index]!, topCount);
        expect(rank).toBe(expected.rank);
        expect(top.map(({ tokenId }) => tokenId)).toEqual(expected.top.map(({ tokenId }) => tokenId));
        const differences = [logprob - expected.logprob].concat(
          top.map((each, at) =>
            each.logprob === expected.top[at]!.logprob ? 0 : each.logprob - expected.top[at]!.logprob,
          ),
        );
        expect(Math.max(...differences.map(Math.abs))).toBeLessThan(1e-11);
      }
    },
  );

  it("writes nothing of rows that nothing can be sampled of", () => {
    using kernels = open();
    const row = Float32Array.of(1, 2, 3, 4);
    const rows = [row.with(2, Number.NaN), row.with(0, Infinity), new Float32Array(4).fill(-Infinity)];
    const ranked = rank(kernels, {
      vocab: 4,
      rows,
      tokenIds: [-1, -1, -1],
      topCounts: [2, 2, 2],
      isCopied: false,
    });
    expect(new Set(ranked)).toEqual(new Set([-7]));
  });
});
