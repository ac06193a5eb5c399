import { expect, test } from "vitest";
import { LogprobStore } from "../../../../src/api/shared/generation/logprob-store.ts";
import { TokenTexts } from "../../../../src/api/shared/generation/token-texts.ts";
import type { TokenLogprob } from "../../../../src/operations/token-delta.ts";

function entryOf(id: number): TokenLogprob {
  const candidate = (tokenId: number) => ({
    tokenId,
    token: `<${tokenId}>`,
    bytes: [tokenId % 256],
    logprob: -1 / (1 + tokenId),
  });
  return {
    ...candidate(id),
    rank: 1 + id,
    top: Array.from({ length: id % 5 }, (_, at) => candidate(id + at)),
  };
}
const entries = [undefined, ...Array.from({ length: 200 }, (_, id) => entryOf(id))];

test("gives back what was added, and keeps each token's text once", () => {
  const texts = new TokenTexts();
  const store = new LogprobStore(texts);
  for (let start = 0; start < entries.length; start += 7) store.add(entries.slice(start, start + 7));
  expect(store.length).toBe(entries.length);
  expect([...store.parts(3)].flat()).toEqual(entries);
  expect([...store.parts()].every((part) => part.length <= 4)).toBe(true);
  expect(texts.size).toBe(203);
});

test("begins again when it is cleared", () => {
  const store = new LogprobStore(new TokenTexts());
  store.add(entries);
  store.clear();
  expect([...store.parts()]).toEqual([]);
  store.add(entries.slice(4, 6));
  expect([...store.parts()].flat()).toEqual(entries.slice(4, 6));
});

test("tells tokens whose ids nobody knows by their bytes", () => {
  const candidate = (token: string, bytes: readonly number[]) => ({
    tokenId: undefined,
    token,
    bytes,
    logprob: -1,
  });
  const unknown = [
    {
      ...candidate("\u{fffd}", [0xe2]),
      rank: undefined,
      top: [candidate("\u{fffd}", [0xe3]), candidate("a", [97])],
    },
    { ...candidate("a", [97]), rank: 3, top: [] },
  ];
  const texts = new TokenTexts();
  const store = new LogprobStore(texts);
  store.add([...unknown, ...entries.slice(1, 4)]);
  expect([...store.parts()].flat()).toEqual([...unknown, ...entries.slice(1, 4)]);
  expect(texts.size).toBe(3 + 4);
});
