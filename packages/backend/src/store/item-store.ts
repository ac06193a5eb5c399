/** What a record is. */
export type RecordKind = "response" | "conversation";

/** A response or a conversation, without its items. */
export interface StoredRecord {
  readonly id: string;
  readonly kind: RecordKind;
  /** JSON text of what is known of it besides its items. */
  readonly head: string;
  /** The response that this one continues. */
  readonly previousId: string | undefined;
}

/** Which of a record's items one is: a response's input or output, or one of a conversation. */
export type ItemList = "input" | "output" | "conversation";

/** An item of a record. */
export interface StoredItem {
  readonly id: string;
  /** JSON text. */
  readonly text: string;
}

/** A change of the store. Those of missing records are refused. */
export type StoreChange =
  | { readonly type: "add"; readonly record: StoredRecord }
  | { readonly type: "replace-head"; readonly id: string; readonly head: string }
  | {
      readonly type: "append";
      readonly id: string;
      readonly list: ItemList;
      readonly items: readonly StoredItem[];
    }
  | { readonly type: "remove"; readonly id: string }
  | { readonly type: "remove-item"; readonly id: string; readonly itemId: string };

/** Which items of a record are read. */
export interface PageQuery {
  readonly recordId: string;
  /** [all, in the order in which they were appended] */
  readonly list?: ItemList | undefined;
  /** The item that the page follows. */
  readonly after?: string | undefined;
  readonly order: "asc" | "desc";
  readonly limit: number;
  /** The page ends before it has more characters; its first item has any number of them. */
  readonly maxCharacters: number;
}

export interface StoredPage {
  readonly items: readonly StoredItem[];
  readonly hasMore: boolean;
}

/** Which items are looked for; without a record the newest one of each id. */
export interface ItemQuery {
  readonly ids: readonly string[];
  readonly recordId?: string | undefined;
  /** Of all items together; more are refused with `STORE_RECORD_TOO_LARGE`. */
  readonly maxCharacters: number;
}

/** What a store keeps at most. */
export interface StoreLimits {
  /** The least recently used records are evicted to keep it. One record may have a quarter of it. */
  readonly maxBytes: number;
  /** A record that is not used for this long is evicted. */
  readonly retentionMs: number;
}

export interface StoreCounts {
  readonly responses: number;
  readonly conversations: number;
  readonly bytes: number;
  /** Since the store was opened. */
  readonly evicted: number;
}

export interface StoreStats extends StoreCounts {
  readonly failedWrites: number;
  /** Why the last write failed; `undefined` if it succeeded. */
  readonly lastFailure: string | undefined;
}

/**
 * Keeps responses and conversations with their items. What is read or changed counts as used.
 * Every method may reject with BackendError `STORE_FAILED`.
 */
export interface ItemStore extends AsyncDisposable {
  readonly limits: StoreLimits;
  /** `undefined` for a store in memory. */
  readonly file: string | undefined;
  stats(): StoreStats;
  /**
   * Makes all changes or none; durable once it resolves, where the store is a file.
   * @throws BackendError `STORE_RECORD_MISSING`, `STORE_RECORD_TOO_LARGE`, `STORE_RECORD_EXISTS`
   */
  commit(changes: readonly StoreChange[]): Promise<void>;
  read(id: string): Promise<StoredRecord | undefined>;
  /** `undefined` if the record does not have the item `after`. */
  page(query: PageQuery): Promise<StoredPage | undefined>;
  /** In the order of the ids. */
  findItems(query: ItemQuery): Promise<readonly (StoredItem | undefined)[]>;
  /** Whether a record with this id was evicted, as far as that is remembered. */
  wasEvicted(id: string): Promise<boolean>;
  dispose(): Promise<void>;
}
