import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createPagedCache } from "../../src/kv/create-paged-cache.ts";
import type { CachedSequence } from "../../src/kv/kv-cache.ts";

/** Few tokens and short pages, so that beginnings are often the same. */
const tokenId = fc.integer({ min: 0, max: 1 });
const at = fc.nat({ max: 9 });
const compute = fc.record({
  kind: fc.constant("compute" as const),
  at,
  tokenIds: fc.array(tokenId, { minLength: 6, maxLength: 12 }),
});
const operation = fc.oneof(
  compute,
  compute,
  compute,
  fc.record({
    kind: fc.constant("admit" as const),
    length: fc.integer({ min: 1, max: 12 }),
    end: fc.array(tokenId, { maxLength: 2 }),
    scope: fc.constantFrom(0, 0, 0, 1),
  }),
  fc.record({ kind: fc.constantFrom("release" as const, "preempt" as const), at }),
);
const scenario = fc.record({
  pageTokens: fc.integer({ min: 1, max: 4 }),
  pageCount: fc.integer({ min: 3, max: 14 }),
  operations: fc.array(operation, { maxLength: 60, size: "max" }),
});

interface LiveSequence {
  readonly cached: CachedSequence;
  readonly scope: number;
  /** All its tokens, computed or not. */
  readonly tokenIds: number[];
}

test("counts every page, shares only equal tokens, and writes no page that another sequence reads", () => {
  let sharedTokenCount = 0;
  let refusalCount = 0;
  fc.assert(
    fc.property(scenario, ({ pageTokens, pageCount, operations }) => {
      const storage = { pageTokens, pageCount, sequenceTokens: 24, maxSequences: 5 } as const;
      const cache = createPagedCache({ layout: "pages", ...storage });
      /** What an executor has at each position of each page: a token in a scope. */
      const contents: string[] = Array.from({ length: pageTokens * pageCount }, () => "");
      const live: LiveSequence[] = [];
      const placeOf = ({ pageIds }: CachedSequence, position: number): number =>
        pageIds[Math.floor(position / pageTokens)]! * pageTokens + (position % pageTokens);

      const admit = (tokenIds: number[], scope: number): void => {
        const isRoomy = Math.ceil(tokenIds.length / pageTokens) <= pageCount;
        const maxTokens = Math.min(24, cache.capacityTokens);
        const cached = cache.admit(Int32Array.from(tokenIds), maxTokens, scope);
        if (cached === undefined) {
          refusalCount += 1;
          expect(live.length > 0 || !isRoomy).toBe(true);
          return;
        }
        expect(cached.tokenCount).toBeLessThan(tokenIds.length);
        sharedTokenCount += cached.sharedTokenCount;
        live.push({ cached, scope, tokenIds });
      };
      /** Computes the next tokens; those beyond the accepted ones are overwritten later. */
      const compute = ({ cached, scope, tokenIds }: LiveSequence, generated: readonly number[]): void => {
        if (cache.isWaitingForPrefix(cached)) return;
        const start = cached.tokenCount;
        const isPrefill = start < cached.tokenIds.length;
        const chunkTokens = isPrefill
          ? Math.min(5, cached.tokenIds.length - start)
          : 1 + (generated.length % 6);
        if (!cache.grow(cached, chunkTokens)) return;
        const acceptedTokens = isPrefill ? chunkTokens : 1 + Math.floor(chunkTokens / 2);
        const newIds = isPrefill ? [] : generated.slice(0, chunkTokens);
        for (let position = start; position < start + chunkTokens; position += 1) {
          const page = cached.pageIds[Math.floor(position / pageTokens)]!;
          for (const other of live) {
            if (other.cached === cached) continue;
            const held = other.cached.pageIds.indexOf(page);
            expect(held === -1 || other.cached.tokenCount <= held * pageTokens).toBe(true);
          }
          const id = isPrefill ? tokenIds[position] : newIds[position - start];
          contents[placeOf(cached, position)] = `${scope}:${id}`;
        }
        const accepted = isPrefill ? acceptedTokens : Math.min(acceptedTokens, newIds.length);
        tokenIds.push(...newIds.slice(0, accepted));
        cache.advance(cached, accepted, newIds);
      };
      const leave = (index: number, isPreempted: boolean): void => {
        const [{ cached, tokenIds }] = live.splice(index, 1) as [LiveSequence];
        if (!isPreempted) cache.release(cached);
        else expect([...cache.preempt(cached)]).toEqual(tokenIds);
      };
      const audit = (): void => {
        const held = new Set(live.flatMap(({ cached }) => cached.pageIds));
        expect(cache.usage()).toBeCloseTo(held.size / pageCount, 10);
        for (const { cached, scope, tokenIds } of live) {
          expect(new Set(cached.pageIds).size).toBe(cached.pageIds.length);
          for (let position = 0; position < cached.tokenCount; position += 1) {
            expect(contents[placeOf(cached, position)]).toBe(`${scope}:${tokenIds[position]}`);
          }
        }
        // One that computes, so that none waits for ever.
        expect(live.length === 0 || live.some(({ cached }) => !cache.isWaitingForPrefix(cached))).toBe(true);
      };

      for (const each of operations) {
        if (each.kind === "admit") {
          const beginning = Array.from({ length: each.length }, () => 0);
          admit([...beginning, ...each.end], each.scope);
        } else if (live.length > 0) {
          const index = each.at % live.length;
          if (each.kind === "compute") compute(live[index]!, each.tokenIds);
          else leave(index, each.kind === "preempt");
        }
        audit();
      }
      while (live.length > 0) leave(0, false);
      expect(cache.usage()).toBe(0);
      const all = new Int32Array(Math.min(24, cache.capacityTokens)).fill(2);
      expect(cache.admit(all, all.length)?.pageIds.length).toBe(Math.ceil(all.length / pageTokens));
    }),
    { seed: 23, numRuns: 600 },
  );
  expect([sharedTokenCount > 1000, refusalCount > 1000]).toEqual([true, true]);
});
