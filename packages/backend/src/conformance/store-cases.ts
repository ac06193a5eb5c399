import assert from "node:assert/strict";
import type { ItemQuery, ItemStore, StoreChange, StoredItem, StoreLimits } from "../store/item-store.ts";
import { rejectsWith, type ConformanceCase } from "./case-context.ts";

/** What `itemStoreCases` takes. */
export interface ItemStoreConformanceOptions {
  /** Creates an empty store for one case, which disposes it. */
  readonly create: (limits: StoreLimits, clock: { epochMs(): number }) => Promise<ItemStore>;
}

interface StoreContext {
  readonly store: ItemStore;
  /** Lets time go by. */
  readonly wait: (durationMs: number) => void;
}

const limits: StoreLimits = { maxBytes: 200_000, retentionMs: 60_000 };
const pageLimits = { order: "asc", limit: 100, maxCharacters: 1_000_000 } as const;

function itemOf(id: string, text = `{"id":"${id}"}`): StoredItem {
  return { id, text };
}

function add(id: string, previousId?: string): StoreChange {
  const kind = id.startsWith("conv") ? "conversation" : "response";
  return { type: "add", record: { id, kind, head: `{"id":"${id}"}`, previousId } };
}

function append(id: string, items: readonly StoredItem[], list: "input" | "output" = "input"): StoreChange {
  return { type: "append", id, list, items };
}

function any(...ids: readonly string[]): ItemQuery {
  return { ids, maxCharacters: 1000 };
}

async function idsOf(store: ItemStore, recordId: string): Promise<readonly string[] | undefined> {
  return (await store.page({ recordId, ...pageLimits }))?.items.map(({ id }) => id);
}

const cases: Readonly<Record<string, (context: StoreContext) => Promise<void>>> = {
  "keeps a record, its items and their order": async ({ store }) => {
    const text = JSON.stringify({ text: "naïve 🦊 \u0000 語" });
    await store.commit([add("resp_1"), append("resp_1", [itemOf("a", text), itemOf("b")])]);
    await store.commit([add("resp_2", "resp_1"), append("resp_1", [itemOf("c")], "output")]);
    const { kind, head, previousId } = (await store.read("resp_2")) ?? {};
    assert.deepEqual([kind, head, previousId], ["response", '{"id":"resp_2"}', "resp_1"]);
    assert.equal((await store.read("resp_1"))?.previousId, undefined);
    assert.deepEqual(await store.page({ recordId: "resp_1", ...pageLimits }), {
      items: [itemOf("a", text), itemOf("b"), itemOf("c")],
      hasMore: false,
    });
    assert.deepEqual(await idsOf(store, "resp_2"), []);
    assert.equal(await store.read("resp_3"), undefined);
    await store.commit([{ type: "replace-head", id: "resp_1", head: "{}" }]);
    assert.equal((await store.read("resp_1"))?.head, "{}");
  },
  "reads items in pages, from both ends": async ({ store }) => {
    const items = ["a", "b", "c", "d", "e"].map((id) => itemOf(id));
    await store.commit([
      add("conv_1"),
      append("conv_1", items),
      append("conv_1", [itemOf("out")], "output"),
      add("resp_1"),
      append("resp_1", [itemOf("other")]),
    ]);
    const page = async (query: object): Promise<unknown> => {
      const found = await store.page({ recordId: "conv_1", ...pageLimits, list: "input", ...query });
      return found && [found.items.map(({ id }) => id).join(""), found.hasMore];
    };
    assert.deepEqual(await page({ limit: 2 }), ["ab", true]);
    assert.deepEqual(await page({ limit: 2, after: "b" }), ["cd", true]);
    assert.deepEqual(await page({ limit: 2, after: "d" }), ["e", false]);
    assert.deepEqual(await page({ after: "e" }), ["", false]);
    assert.deepEqual(await page({ order: "desc", limit: 3 }), ["edc", true]);
    assert.deepEqual(await page({ order: "desc", after: "c" }), ["ba", false]);
    assert.deepEqual(await page({ after: "out" }), undefined);
    assert.deepEqual(await page({ after: "other" }), undefined);
    const { length } = itemOf("a").text;
    assert.deepEqual(await page({ maxCharacters: 2 * length }), ["ab", true]);
    assert.deepEqual(await page({ maxCharacters: 1 }), ["a", true]);
  },
  "makes all changes or none": async ({ store }) => {
    await store.commit([add("resp_1")]);
    const before = store.stats();
    await rejectsWith(
      "STORE_RECORD_EXISTS",
      store.commit([add("resp_2"), append("resp_2", [itemOf("a")]), add("resp_1")]),
    );
    await rejectsWith("STORE_RECORD_MISSING", store.commit([add("resp_2"), append("conv_1", [itemOf("a")])]));
    await rejectsWith("STORE_RECORD_MISSING", store.commit([{ type: "remove", id: "resp_2" }]));
    await rejectsWith(
      "STORE_RECORD_MISSING",
      store.commit([append("resp_1", [itemOf("a")]), { type: "remove-item", id: "resp_1", itemId: "b" }]),
    );
    assert.deepEqual(store.stats(), before);
    assert.equal(await store.read("resp_2"), undefined);
    assert.deepEqual(await idsOf(store, "resp_1"), []);
    assert.deepEqual(await store.findItems(any("a")), [undefined]);
  },
  "finds items by their ids, the newest of equal ones": async ({ store }) => {
    await store.commit([add("resp_1"), append("resp_1", [itemOf("a", "1"), itemOf("b", "2")])]);
    await store.commit([add("resp_2"), append("resp_2", [itemOf("a", "3")])]);
    assert.deepEqual(await store.findItems(any("b", "x", "a")), [
      itemOf("b", "2"),
      undefined,
      itemOf("a", "3"),
    ]);
    const inFirst = { ...any("a", "x"), recordId: "resp_1" };
    assert.deepEqual(await store.findItems(inFirst), [itemOf("a", "1"), undefined]);
    await store.commit([{ type: "remove", id: "resp_2" }]);
    assert.deepEqual(await store.findItems(any("a")), [itemOf("a", "1")]);
    await rejectsWith("STORE_RECORD_TOO_LARGE", store.findItems({ ids: ["a", "b"], maxCharacters: 1 }));
  },
  "forgets what is removed": async ({ store }) => {
    const empty = store.stats();
    await store.commit([add("conv_1"), append("conv_1", [itemOf("a"), itemOf("b")])]);
    await store.commit([{ type: "remove-item", id: "conv_1", itemId: "a" }]);
    assert.deepEqual(await idsOf(store, "conv_1"), ["b"]);
    assert.deepEqual(await store.findItems(any("a")), [undefined]);
    await store.commit([{ type: "remove", id: "conv_1" }]);
    assert.equal(await store.read("conv_1"), undefined);
    assert.deepEqual(await store.findItems(any("b")), [undefined]);
    assert.equal(await store.wasEvicted("conv_1"), false);
    assert.deepEqual(store.stats(), empty);
  },
  "evicts what was used least recently once it is full, and remembers that": async ({ store, wait }) => {
    const large = itemOf("a", JSON.stringify("x".repeat(20_000)));
    const write = async (id: string): Promise<void> => {
      wait(1);
      await store.commit([add(id), append(id, [large])]);
    };
    await write("conv_first");
    let count = 0;
    while (store.stats().evicted === 0) {
      count += 1;
      assert.ok(count < 50, "expected an eviction within 50 records, got none");
      await write(`resp_${count}`);
      wait(1);
      await store.read("conv_first");
    }
    assert.ok(store.stats().bytes <= limits.maxBytes);
    assert.ok((await store.read("conv_first")) !== undefined, "expected that what was read stays");
    assert.equal(await store.read("resp_1"), undefined);
    assert.deepEqual(
      [
        await store.wasEvicted("resp_1"),
        await store.wasEvicted("conv_first"),
        await store.wasEvicted("resp_x"),
      ],
      [true, false, false],
    );
    assert.deepEqual([store.stats().responses, store.stats().conversations], [count - 1, 1]);
  },
  "evicts what was not used for too long": async ({ store, wait }) => {
    await store.commit([add("resp_1"), append("resp_1", [itemOf("a")]), add("resp_2")]);
    wait(limits.retentionMs / 2);
    await store.read("resp_2");
    wait(limits.retentionMs / 2);
    assert.equal(await store.read("resp_1"), undefined);
    assert.equal(await store.wasEvicted("resp_1"), true);
    assert.ok((await store.read("resp_2")) !== undefined);
    await store.commit([add("resp_3")]);
    assert.deepEqual([store.stats().responses, store.stats().evicted], [2, 1]);
    assert.deepEqual(await store.findItems(any("a")), [undefined]);
  },
  "refuses a record that would take too much of it": async ({ store }) => {
    const half = itemOf("a", JSON.stringify("x".repeat(limits.maxBytes / 2)));
    await store.commit([add("conv_1"), append("conv_1", [itemOf("b")])]);
    await rejectsWith("STORE_RECORD_TOO_LARGE", store.commit([append("conv_1", [half])]));
    await rejectsWith("STORE_RECORD_TOO_LARGE", store.commit([add("resp_1"), append("resp_1", [half])]));
    assert.deepEqual(await idsOf(store, "conv_1"), ["b"]);
    assert.equal(store.stats().failedWrites, 0);
  },
  "fails once it is closed": async ({ store }) => {
    await store.dispose();
    await rejectsWith("STORE_FAILED", store.read("resp_1"));
    await rejectsWith("STORE_FAILED", store.commit([add("resp_1")]));
    assert.equal(store.stats().failedWrites, 1);
  },
};

/** Lists what every `ItemStore` must do, wherever it keeps its data, as independent cases. */
export function itemStoreCases({ create }: ItemStoreConformanceOptions): readonly ConformanceCase[] {
  return Object.entries(cases).map(([name, run]) => ({
    name,
    async run() {
      let nowMs = 1_700_000_000_000;
      const store = await create(limits, { epochMs: () => nowMs });
      try {
        await run({ store, wait: (durationMs) => void (nowMs += durationMs) });
      } finally {
        await store.dispose();
      }
    },
  }));
}
