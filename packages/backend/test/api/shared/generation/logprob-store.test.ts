import type { TokenLogprob } from "@infernode/inference";
import { expect, test } from "vitest";
import { LogprobStore, type TokenTexts } from "../../../../src/api/shared/generation/logprob-store.ts";

function entryOf(id: number): TokenLogprob {
  const candidate = (tokenId: number) => ({
    tokenId,
    token: `<${tokenId}>`,
    bytes: [tokenId % 256],
    logprob: -1 / (1 + tokenId),
  });
  return { ...candidate(id), top: Array.from({ length: id % 5 }, (_, at) => candidate(id + at)) };
}
const entries = [undefined, ...Array.from({ length: 200 }, (_, id) => entryOf(id))];

test("gives back what was added, and keeps each token's text once", () => {
  const texts: TokenTexts = new Map();
  const store = new LogprobStore(texts);
  for (let start = 0; start < entries.length; start += 7) store.add(entries.slice(start, start + 7));
  expect(store.length).toBe(entries.length);
  expect([...store.parts(3)].flat()).toEqual(entries);
  expect([...store.parts()].every((part) => part.length <= 4)).toBe(true);
  expect(texts.size).toBe(203);
});

test("begins again when it is cleared", () => {
  const store = new LogprobStore(new Map());
  store.add(entries);
  store.clear();
  expect([...store.parts()]).toEqual([]);
  store.add(entries.slice(4, 6));
  expect([...store.parts()].flat()).toEqual(entries.slice(4, 6));
});
