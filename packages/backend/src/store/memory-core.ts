import type {
  ItemList,
  ItemQuery,
  PageQuery,
  RecordKind,
  StoreChange,
  StoreLimits,
  StoredItem,
  StoredRecord,
} from "./item-store.ts";
import { maxEvictedIds, maxRecordShare, type StoreCore } from "./store-core.ts";
import { createCharacterCount, recordExists, recordMissing, recordTooLarge } from "./store-errors.ts";

/** Of an item or a record, besides its texts. */
const overheadBytes = 256;

interface Entry {
  readonly record: StoredRecord;
  readonly items: readonly { readonly list: ItemList; readonly item: StoredItem }[];
  readonly bytes: number;
  readonly usedAtMs: number;
}

/** Two bytes for each character, as texts beyond Latin-1 have. */
function bytesOf(...texts: readonly string[]): number {
  return overheadBytes + 2 * texts.reduce((sum, text) => sum + text.length, 0);
}

function bytesOfItem({ id, text }: StoredItem): number {
  return bytesOf(id, text);
}

/** A record after a change; `undefined` once it is removed. @throws BackendError */
function applyChange(entry: Entry | undefined, change: StoreChange, nowMs: number): Entry | undefined {
  if (change.type === "add") {
    const { record } = change;
    if (entry !== undefined) throw recordExists(record.id);
    return { record, items: [], bytes: bytesOf(record.id, record.head), usedAtMs: nowMs };
  }
  if (entry === undefined) throw recordMissing(`the record ${JSON.stringify(change.id)}`);
  switch (change.type) {
    case "replace-head": {
      const bytes = entry.bytes + 2 * (change.head.length - entry.record.head.length);
      return { ...entry, record: { ...entry.record, head: change.head }, bytes };
    }
    case "append": {
      const added = change.items.map((item) => ({ list: change.list, item }));
      const bytes = change.items.reduce((sum, item) => sum + bytesOfItem(item), entry.bytes);
      return { ...entry, items: [...entry.items, ...added], bytes };
    }
    case "remove":
      return undefined;
    case "remove-item": {
      const { itemId } = change;
      const items = entry.items.filter(({ item }) => item.id !== itemId);
      if (items.length === entry.items.length) throw recordMissing(`the item ${JSON.stringify(itemId)}`);
      const removed = entry.items.filter(({ item }) => item.id === itemId);
      const bytes = removed.reduce((sum, { item }) => sum - bytesOfItem(item), entry.bytes);
      return { ...entry, items, bytes };
    }
  }
}

/** Creates an empty store in memory. */
export function createMemoryCore(limits: StoreLimits): StoreCore {
  const { maxBytes, retentionMs } = limits;
  const maxRecordBytes = Math.floor(maxBytes * maxRecordShare);
  /** The least recently used one first. */
  const entries = new Map<string, Entry>();
  /** Records with an item, the newest one last. */
  const owners = new Map<string, Set<string>>();
  const evictedIds = new Set<string>();
  const counts = { response: 0, conversation: 0, evicted: 0, bytes: 0 };

  const count = ({ record, bytes }: Entry, sign: 1 | -1): void => {
    const kind: RecordKind = record.kind;
    counts[kind] += sign;
    counts.bytes += sign * bytes;
  };
  const drop = (id: string): void => {
    const entry = entries.get(id);
    if (entry === undefined) return;
    entries.delete(id);
    count(entry, -1);
    for (const { item } of entry.items) {
      const of = owners.get(item.id);
      of?.delete(id);
      if (of?.size === 0) owners.delete(item.id);
    }
  };
  const put = (entry: Entry): void => {
    drop(entry.record.id);
    entries.set(entry.record.id, entry);
    count(entry, 1);
    for (const { item } of entry.items) {
      const of = owners.get(item.id) ?? new Set();
      of.delete(entry.record.id);
      owners.set(item.id, of.add(entry.record.id));
    }
  };
  const evict = (id: string): void => {
    drop(id);
    counts.evicted += 1;
    evictedIds.delete(id);
    evictedIds.add(id);
    const [oldest] = evictedIds;
    if (evictedIds.size > maxEvictedIds && oldest !== undefined) evictedIds.delete(oldest);
  };
  const expire = (nowMs: number): void => {
    for (const [id, { usedAtMs }] of entries) {
      if (usedAtMs + retentionMs > nowMs) return;
      evict(id);
    }
  };
  /** The entry, which counts as used now. */
  const use = (id: string, nowMs: number): Entry | undefined => {
    expire(nowMs);
    const entry = entries.get(id);
    if (entry === undefined) return undefined;
    const used = { ...entry, usedAtMs: nowMs };
    entries.delete(id);
    entries.set(id, used);
    return used;
  };
  const commit = (changes: readonly StoreChange[], nowMs: number): void => {
    expire(nowMs);
    const changed = new Map<string, Entry | undefined>();
    for (const change of changes) {
      const id = change.type === "add" ? change.record.id : change.id;
      const before = changed.has(id) ? changed.get(id) : entries.get(id);
      changed.set(id, applyChange(before, change, nowMs));
    }
    for (const entry of changed.values()) {
      if (entry !== undefined && entry.bytes > maxRecordBytes) {
        throw recordTooLarge(entry.bytes, maxRecordBytes);
      }
    }
    for (const [id, entry] of changed) {
      if (entry === undefined) drop(id);
      else put({ ...entry, usedAtMs: nowMs });
    }
    for (const id of entries.keys()) {
      if (counts.bytes <= maxBytes) return;
      evict(id);
    }
  };
  const page = (query: PageQuery, nowMs: number) => {
    const { recordId, list, after, order, limit, maxCharacters } = query;
    const all = (use(recordId, nowMs)?.items ?? [])
      .filter((each) => list === undefined || each.list === list)
      .map(({ item }) => item);
    if (order === "desc") all.reverse();
    const start = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
    if (after !== undefined && start === 0) return undefined;
    let end = start;
    let characters = 0;
    for (; end < all.length && end - start < limit; end += 1) {
      characters += all[end]?.text.length ?? 0;
      if (characters > maxCharacters && end > start) break;
    }
    return { items: all.slice(start, end), hasMore: end < all.length };
  };
  const findItem = (itemId: string, query: ItemQuery, nowMs: number): StoredItem | undefined => {
    const recordId = query.recordId ?? [...(owners.get(itemId) ?? [])].at(-1);
    const entry = recordId === undefined ? undefined : use(recordId, nowMs);
    return entry?.items.find(({ item }) => item.id === itemId)?.item;
  };
  return {
    commit,
    page,
    read: (id, nowMs) => use(id, nowMs)?.record,
    findItems: (query, nowMs) => {
      const count = createCharacterCount(query.maxCharacters);
      return query.ids.map((id) => {
        const item = findItem(id, query, nowMs);
        count(item?.text ?? "");
        return item;
      });
    },
    wasEvicted: (id, nowMs) => {
      expire(nowMs);
      return evictedIds.has(id);
    },
    expire: (_, nowMs) => expire(nowMs),
    counts: () => ({
      responses: counts.response,
      conversations: counts.conversation,
      bytes: counts.bytes,
      evicted: counts.evicted,
    }),
    close: () => undefined,
  };
}
