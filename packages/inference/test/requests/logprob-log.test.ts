import { describe, expect, it } from "vitest";
import { LogprobLog } from "../../src/requests/logprob-log.ts";
import type { SampledToken } from "../../src/sampling/sampler.ts";

function entryOf(id: number, topCount = id % 4): SampledToken {
  const top = Array.from({ length: topCount }, (_, at) => ({ tokenId: id * 10 + at, logprob: -at / 3 }));
  return { tokenId: id, logprob: -id / 7, rank: 1 + id, top };
}
const entries = [undefined, ...Array.from({ length: 300 }, (_, id) => entryOf(id))];

describe.each([true, false])("LogprobLog that keeps all: %s", (keepsAll) => {
  it("returns what was pushed, in parts of any size between any pushes", () => {
    const log = new LogprobLog({ keepsAll });
    const read: (SampledToken | undefined)[] = [];
    for (const [at, entry] of entries.entries()) {
      log.push(entry);
      if (at % 5 === 0) read.push(...log.take(1 + (at % 7)));
    }
    expect(log.unreadCount).toBe(entries.length - read.length);
    while (log.unreadCount > 0) read.push(...log.take(9));
    expect(read).toEqual(entries);
    expect(log.all()).toEqual(keepsAll ? entries : []);
  });
});

it("has the unread entries when it keeps nothing else", () => {
  const log = new LogprobLog({ keepsAll: false });
  for (const entry of entries) log.push(entry);
  log.take(200);
  expect(log.all()).toEqual(entries.slice(200));
});
