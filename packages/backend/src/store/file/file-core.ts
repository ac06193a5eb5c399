import type { DatabaseSyncInstance } from "@photostructure/sqlite";
import type {
  ItemQuery,
  PageQuery,
  RecordKind,
  StoreChange,
  StoreLimits,
  StoredItem,
  StoredRecord,
} from "../item-store.ts";
import { maxEvictedIds, maxRecordShare, type StoreCore } from "../store-core.ts";
import { closeDatabase } from "./open-database.ts";
import { createCharacterCount, recordExists, recordMissing, recordTooLarge } from "../store-errors.ts";

/** Of a row and its entries in indexes, besides its texts. */
const overheadBytes = 128;

interface RecordRow {
  readonly key: number;
  readonly id: string;
  readonly kind: RecordKind;
  readonly head: string;
  readonly previous_id: string | null;
  readonly used_ms: number;
  readonly bytes: number;
}

function bytesOf(...texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), overheadBytes);
}

function prepareStatements(database: DatabaseSyncInstance) {
  return {
    find: database.prepare("SELECT * FROM records WHERE id = ?"),
    oldest: database.prepare(
      "SELECT key, id, kind, used_ms, bytes FROM records ORDER BY used_ms, key LIMIT 1",
    ),
    insert: database.prepare(
      "INSERT INTO records (id, kind, head, previous_id, used_ms, bytes) VALUES (?, ?, ?, ?, ?, ?)",
    ),
    replaceHead: database.prepare("UPDATE records SET head = ?, bytes = bytes + ? WHERE key = ?"),
    grow: database.prepare("UPDATE records SET bytes = bytes + ? WHERE key = ?"),
    use: database.prepare("UPDATE records SET used_ms = ? WHERE key = ?"),
    remove: database.prepare("DELETE FROM records WHERE key = ?"),
    insertItem: database.prepare("INSERT INTO items (record_key, list, id, text) VALUES (?, ?, ?, ?)"),
    itemsOf: database.prepare("SELECT id, text FROM items WHERE record_key = ? AND id = ? ORDER BY position"),
    removeItem: database.prepare("DELETE FROM items WHERE record_key = ? AND id = ?"),
    newestOwner: database.prepare(
      "SELECT key, used_ms FROM items JOIN records ON key = record_key WHERE items.id = ? ORDER BY position DESC LIMIT 1",
    ),
    place: database.prepare(
      "SELECT position FROM items WHERE record_key = ? AND id = ? AND (? IS NULL OR list = ?) ORDER BY position LIMIT 1",
    ),
    ascending: database.prepare(
      "SELECT id, text FROM items WHERE record_key = ? AND (? IS NULL OR list = ?) AND position > ? ORDER BY position LIMIT ?",
    ),
    descending: database.prepare(
      "SELECT id, text FROM items WHERE record_key = ? AND (? IS NULL OR list = ?) AND position < ? ORDER BY position DESC LIMIT ?",
    ),
    rememberEvicted: database.prepare("INSERT INTO evicted (id) VALUES (?)"),
    forgetEvicted: database.prepare(
      `DELETE FROM evicted WHERE position <= (SELECT max(position) FROM evicted) - ${maxEvictedIds}`,
    ),
    wasEvicted: database.prepare("SELECT 1 FROM evicted WHERE id = ? LIMIT 1"),
    totals: database.prepare(
      "SELECT kind, count(*) AS count, sum(bytes) AS bytes FROM records GROUP BY kind",
    ),
  };
}

/** Creates the store of a database, which it closes. */
export function createFileCore(database: DatabaseSyncInstance, limits: StoreLimits): StoreCore {
  const { maxBytes, retentionMs } = limits;
  const maxRecordBytes = Math.floor(maxBytes * maxRecordShare);
  const statements = prepareStatements(database);
  let counts = { response: 0, conversation: 0, evicted: 0, bytes: 0 };
  for (const row of statements.totals.all()) {
    const { kind, count, bytes } = row as { kind: RecordKind; count: number; bytes: number };
    counts[kind] = count;
    counts.bytes += bytes;
  }
  /** When records were used, by key: written with the next change, as a read must not wait for the disk. */
  const uses = new Map<number, number>();

  const find = (id: string): RecordRow | undefined => statements.find.get(id) as RecordRow | undefined;
  const isExpired = ({ key, used_ms: usedMs }: RecordRow, nowMs: number): boolean =>
    (uses.get(key) ?? usedMs) + retentionMs <= nowMs;
  const use = (id: string, nowMs: number): RecordRow | undefined => {
    const row = find(id);
    if (row === undefined || isExpired(row, nowMs)) return undefined;
    uses.set(row.key, nowMs);
    return row;
  };
  const remove = ({ key, kind, bytes }: RecordRow): void => {
    statements.remove.run(key);
    uses.delete(key);
    counts[kind] -= 1;
    counts.bytes -= bytes;
  };
  const writeUses = (): void => {
    for (const [key, usedMs] of uses) statements.use.run(usedMs, key);
    uses.clear();
  };
  /** Needs that the uses are written. */
  const evictOldest = (nowMs: number): void => {
    for (;;) {
      const row = statements.oldest.get() as RecordRow | undefined;
      if (row === undefined || (counts.bytes <= maxBytes && !isExpired(row, nowMs))) return;
      remove(row);
      counts.evicted += 1;
      statements.rememberEvicted.run(row.id);
      statements.forgetEvicted.run();
    }
  };
  /** Does all of the work or none. */
  const transact = (nowMs: number, work: () => void): void => {
    const before = { ...counts };
    database.exec("BEGIN IMMEDIATE");
    try {
      writeUses();
      work();
      writeUses();
      evictOldest(nowMs);
      database.exec("COMMIT");
    } catch (error) {
      counts = before;
      // A full disk may have rolled back already.
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  };
  const grow = (row: RecordRow, bytes: number): void => {
    statements.grow.run(bytes, row.key);
    counts.bytes += bytes;
  };
  const add = ({ id, kind, head, previousId }: StoredRecord, nowMs: number): void => {
    if (find(id) !== undefined) throw recordExists(id);
    const bytes = bytesOf(id, head);
    statements.insert.run(id, kind, head, previousId ?? null, nowMs, bytes);
    counts[kind] += 1;
    counts.bytes += bytes;
  };
  const apply = (change: Exclude<StoreChange, { type: "add" }>, nowMs: number): void => {
    const row = use(change.id, nowMs);
    if (row === undefined) throw recordMissing(`the record ${JSON.stringify(change.id)}`);
    switch (change.type) {
      case "replace-head": {
        const bytes = Buffer.byteLength(change.head) - Buffer.byteLength(row.head);
        statements.replaceHead.run(change.head, bytes, row.key);
        counts.bytes += bytes;
        break;
      }
      case "append":
        for (const { id, text } of change.items) statements.insertItem.run(row.key, change.list, id, text);
        grow(
          row,
          change.items.reduce((sum, { id, text }) => sum + bytesOf(id, text), 0),
        );
        break;
      case "remove":
        remove(row);
        break;
      case "remove-item": {
        const items = statements.itemsOf.all(row.key, change.itemId) as unknown as readonly StoredItem[];
        if (items.length === 0) throw recordMissing(`the item ${JSON.stringify(change.itemId)}`);
        statements.removeItem.run(row.key, change.itemId);
        grow(row, -items.reduce((sum, { id, text }) => sum + bytesOf(id, text), 0));
      }
    }
  };
  const commit = (changes: readonly StoreChange[], nowMs: number): void =>
    transact(nowMs, () => {
      for (const change of changes) {
        if (change.type === "add") add(change.record, nowMs);
        else apply(change, nowMs);
      }
      for (const change of changes) {
        const { bytes = 0 } = find(change.type === "add" ? change.record.id : change.id) ?? {};
        if (bytes > maxRecordBytes) throw recordTooLarge(bytes, maxRecordBytes);
      }
    });
  const page = (query: PageQuery, nowMs: number) => {
    const { recordId, list = null, after, order, limit, maxCharacters } = query;
    const row = use(recordId, nowMs);
    if (row === undefined) return after === undefined ? { items: [], hasMore: false } : undefined;
    const isAscending = order === "asc";
    let start = isAscending ? 0 : Number.MAX_SAFE_INTEGER;
    if (after !== undefined) {
      const place = statements.place.get(row.key, after, list, list) as { position: number } | undefined;
      if (place === undefined) return undefined;
      start = place.position;
    }
    const statement = isAscending ? statements.ascending : statements.descending;
    const items: StoredItem[] = [];
    let characters = 0;
    for (const each of statement.iterate(row.key, list, list, start, limit + 1)) {
      const { id, text } = each as unknown as StoredItem;
      characters += text.length;
      if (items.length === limit || (characters > maxCharacters && items.length > 0)) {
        return { items, hasMore: true };
      }
      items.push({ id, text });
    }
    return { items, hasMore: false };
  };
  return {
    commit,
    page,
    read: (id, nowMs) => {
      const row = use(id, nowMs);
      if (row === undefined) return undefined;
      return { id: row.id, kind: row.kind, head: row.head, previousId: row.previous_id ?? undefined };
    },
    findItems: (query: ItemQuery, nowMs) => {
      const ownKey = query.recordId === undefined ? undefined : use(query.recordId, nowMs)?.key;
      const ownerOf = (id: string): number | undefined => {
        const row = statements.newestOwner.get(id) as RecordRow | undefined;
        return row === undefined || isExpired(row, nowMs) ? undefined : row.key;
      };
      const count = createCharacterCount(query.maxCharacters);
      return query.ids.map((id) => {
        const key = query.recordId === undefined ? ownerOf(id) : ownKey;
        if (key === undefined) return undefined;
        uses.set(key, nowMs);
        const item = statements.itemsOf.get(key, id) as StoredItem | undefined;
        count(item?.text ?? "");
        return item === undefined ? undefined : { id: item.id, text: item.text };
      });
    },
    wasEvicted: (id, nowMs) => {
      const row = find(id);
      return row === undefined ? statements.wasEvicted.get(id) !== undefined : isExpired(row, nowMs);
    },
    expire: (_, nowMs) => transact(nowMs, () => undefined),
    counts: () => ({
      responses: counts.response,
      conversations: counts.conversation,
      bytes: counts.bytes,
      evicted: counts.evicted,
    }),
    close: () => {
      transact(Number.NEGATIVE_INFINITY, () => undefined);
      closeDatabase(database);
    },
  };
}
