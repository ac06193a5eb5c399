import type {
  ItemQuery,
  PageQuery,
  StoreChange,
  StoreCounts,
  StoredItem,
  StoredPage,
  StoredRecord,
} from "./item-store.ts";

/** What a store does with one call; every method gets the time, in milliseconds since 1970. */
export interface CoreMethods {
  /** Throws BackendError; then nothing is changed. */
  commit(changes: readonly StoreChange[], nowMs: number): void;
  read(id: string, nowMs: number): StoredRecord | undefined;
  page(query: PageQuery, nowMs: number): StoredPage | undefined;
  findItems(query: ItemQuery, nowMs: number): readonly (StoredItem | undefined)[];
  wasEvicted(id: string, nowMs: number): boolean;
  /** Evicts what was not used for too long. */
  expire(argument: undefined, nowMs: number): void;
}

/** The work of a store, in the thread that has its data. */
export interface StoreCore extends CoreMethods {
  counts(): StoreCounts;
  close(): void;
}

export type CoreMethod = keyof CoreMethods;
export type CoreArgument<Method extends CoreMethod> = Parameters<CoreMethods[Method]>[0];
export type CoreResult<Method extends CoreMethod> = ReturnType<CoreMethods[Method]>;

/** Ids of evicted records that are remembered. */
export const maxEvictedIds = 10_000;

/** One record may have this share of the store. */
export const maxRecordShare = 0.25;
