import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createPolicies } from "../../../src/gateway/routing/create-policies.ts";
import type { Candidate } from "../../../src/gateway/routing/policies/policy.ts";
import { policyNames } from "../../../src/config/routing-rule.ts";
import { readPrefixDigest, writePrefixDigest } from "../../../src/text/prefix-digest.ts";
import { prefixesOfModel } from "../../../src/text/prompt-prefix.ts";
import { rankByHash } from "../../../src/gateway/routing/policies/rank-by-hash.ts";

function candidate(id: string, parts: Partial<Candidate> = {}): Candidate {
  return { id, weight: 1, load: 0, freeKvShare: undefined, ...parts };
}

const request = { model: "m", prefixes: [], conversation: undefined };

/** Numbers that look random, the same in each run. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function create() {
  return createPolicies({ random: createRandom(7), prefixLoadFactor: 1.25 });
}

const candidates = fc
  .uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 12 })
  .chain((ids) =>
    fc.tuple(
      ...ids.map((id) =>
        fc.record({
          id: fc.constant(id),
          weight: fc.double({ min: 0.1, max: 50, noNaN: true }),
          load: fc.nat(100),
          freeKvShare: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
        }),
      ),
    ),
  );

describe.each(policyNames)("%s", (name) => {
  test("chooses one of the candidates, or none of none", () => {
    const requests = fc.record({
      model: fc.string(),
      prefixes: fc.array(fc.nat(2 ** 31), { maxLength: 7 }),
      conversation: fc.option(fc.string(), { nil: undefined }),
    });
    const policy = create()[name];
    fc.assert(
      fc.property(candidates, requests, (list, each) => {
        expect(list).toContain(policy.choose(list, each));
        expect(policy.choose([], each)).toBeUndefined();
      }),
    );
  });

  test("keeps a conversation on its backend while others come and go", () => {
    const policy = create()[name];
    fc.assert(
      fc.property(candidates, fc.string(), fc.nat(), (list, conversation, at) => {
        const chosen = policy.choose(list, { ...request, conversation });
        const without = list.filter((each, index) => each === chosen || index !== at % list.length);
        expect(policy.choose(without.toReversed(), { ...request, conversation })).toBe(chosen);
      }),
    );
  });
});

test("round robin takes each as often, one after the other", () => {
  const policy = create()["round-robin"];
  const list = ["a", "b", "c"].map((id) => candidate(id, { weight: id === "a" ? 9 : 1 }));
  const chosen = Array.from({ length: 6 }, () => policy.choose(list, request)?.id);
  expect(chosen).toEqual(["a", "b", "c", "a", "b", "c"]);
});

test("weighted takes each by its weight, evenly spread", () => {
  const policy = create().weighted;
  const list = [candidate("a", { weight: 5 }), candidate("b"), candidate("c")];
  const chosen = Array.from({ length: 7 }, () => policy.choose(list, request)?.id);
  expect(chosen.join("")).toBe("aabacaa");
});

test("least loaded never takes the busiest of two, and balances unequal backends", () => {
  const policy = create()["least-loaded"];
  const loads = new Map([
    ["a", 30],
    ["b", 3],
    ["c", 0],
    ["d", 11],
  ]);
  for (let count = 0; count < 2000; count += 1) {
    const list = [...loads].map(([id, load]) => candidate(id, { load, weight: id === "d" ? 3 : 1 }));
    const chosen = policy.choose(list, request)!.id;
    loads.set(chosen, loads.get(chosen)! + 1);
  }
  const shares = [...loads].map(([id, load]) => load / (id === "d" ? 3 : 1));
  expect(Math.max(...shares) - Math.min(...shares)).toBeLessThan(15);
});

test("of two with the same load, the one with more free KV cache is taken", () => {
  const list = [candidate("a", { freeKvShare: 0.1 }), candidate("b", { freeKvShare: 0.9 })];
  for (let count = 0; count < 20; count += 1) {
    expect(create()["least-loaded"].choose(list, request)?.id).toBe("b");
  }
});

describe("prefix-aware", () => {
  test("no backend gets more than its share of the load times the factor", () => {
    const policy = create()["prefix-aware"];
    fc.assert(
      fc.property(candidates, fc.array(fc.nat(2 ** 31), { minLength: 1 }), (list, prefixes) => {
        const { load, weight } = policy.choose(list, { ...request, prefixes })!;
        const total = list.reduce((sum, each) => sum + each.load, 1);
        const weights = list.reduce((sum, each) => sum + each.weight, 0);
        expect(load + 1).toBeLessThanOrEqual(Math.ceil((1.25 * total * weight) / weights));
      }),
    );
  });

  test("prompts with one beginning go to one backend while it is not busier than others", () => {
    const policy = create()["prefix-aware"];
    const list = ["a", "b", "c", "d"].map((id) => candidate(id, { load: 8 }));
    const chosen = new Set(
      Array.from({ length: 20 }, (_, at) => policy.choose(list, { ...request, prefixes: [5, at] })?.id),
    );
    expect(chosen.size).toBe(1);
  });

  test("a prompt follows the longest beginning, also where the first was too busy", () => {
    const policy = create()["prefix-aware"];
    const list = (busy: string | undefined): Candidate[] =>
      ["a", "b", "c"].map((id) => candidate(id, { load: id === busy ? 40 : 8 }));
    const first = policy.choose(list(undefined), { ...request, prefixes: [1] })?.id;
    const second = policy.choose(list(first), { ...request, prefixes: [1, 2] })?.id;
    expect(second).not.toBe(first);
    expect(policy.choose(list(undefined), { ...request, prefixes: [1, 2, 3] })?.id).toBe(second);
  });
});

describe("prefix-aware with digests", () => {
  const cached = (...prefixes: readonly number[]): Candidate["cached"] =>
    readPrefixDigest(writePrefixDigest(prefixesOfModel("m", prefixes)));
  const ids = ["a", "b", "c", "d"];

  test("a gateway that remembers nothing finds the backend that says it has the beginning", () => {
    for (const holder of ids) {
      const list = ids.map((id) =>
        candidate(id, { load: 8, cached: id === holder ? cached(1, 2) : cached(9) }),
      );
      const chosen = create()["prefix-aware"].choose(list, { ...request, prefixes: [1, 2, 3] });
      expect(chosen?.id).toBe(holder);
    }
  });

  test("the longest beginning counts, before what is remembered of a shorter one", () => {
    for (const holder of ids) {
      const policy = create()["prefix-aware"];
      const first = policy.choose(
        ids.map((id) => candidate(id)),
        { ...request, prefixes: [1] },
      )?.id;
      const list = ids.map((id) =>
        candidate(id, { load: 8, cached: cached(1, ...(id === holder ? [2] : [])) }),
      );
      expect(policy.choose(list, { ...request, prefixes: [1, 5] })?.id).toBe(first);
      expect(policy.choose(list, { ...request, prefixes: [1, 2] })?.id).toBe(holder);
    }
  });

  test("of several that have it the least loaded is taken, and none that has more than its share", () => {
    const loads = [9, 8, 40, 7];
    const list = ids.map((id, at) =>
      candidate(id, { load: loads[at] ?? 0, cached: id === "d" ? undefined : cached(1) }),
    );
    expect(create()["prefix-aware"].choose(list, { ...request, prefixes: [1] })?.id).toBe("b");
    const busy = ids.map((id, at) =>
      candidate(id, { load: loads[at] ?? 0, cached: id === "c" ? cached(1) : undefined }),
    );
    expect(create()["prefix-aware"].choose(busy, { ...request, prefixes: [1] })?.id).not.toBe("c");
  });

  test("what one model has cached is not what another has", () => {
    const list = ids.map((id) => candidate(id, { load: 8 }));
    const plain = create()["prefix-aware"].choose(list, { ...request, model: "n", prefixes: [1] })?.id;
    const other = ids.find((id) => id !== plain);
    const told = ids.map((id) => candidate(id, { load: 8, cached: id === other ? cached(1) : undefined }));
    const policy = create()["prefix-aware"];
    expect(policy.choose(told, { ...request, model: "n", prefixes: [1] })?.id).toBe(plain);
  });
});

describe("rank by hash", () => {
  test("only keys of a backend that is gone move", () => {
    fc.assert(
      fc.property(candidates, fc.integer(), fc.nat(), (list, key, at) => {
        const ranked = rankByHash(key, list);
        const gone = list[at % list.length];
        const rest = rankByHash(
          key,
          list.filter((each) => each !== gone),
        );
        expect(rest).toEqual(ranked.filter((each) => each !== gone));
      }),
    );
  });

  test("keys are spread by weight", () => {
    const list = [candidate("one"), candidate("two"), candidate("four", { weight: 2 })];
    const counts = new Map(list.map(({ id }) => [id, 0]));
    for (let key = 0; key < 8000; key += 1) {
      const first = rankByHash(key * 2_654_435_761, list)[0]?.id ?? "";
      counts.set(first, counts.get(first)! + 1);
    }
    expect(Math.abs(counts.get("four")! - 4000)).toBeLessThan(200);
    expect(Math.abs(counts.get("one")! - 2000)).toBeLessThan(200);
  });
});
