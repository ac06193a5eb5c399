import type { AllocationTag } from "../allocator.ts";
import type { TagUsage } from "../errors.ts";
import type { LedgerAccount } from "../ledger/device-ledger.ts";

/** Empty records are kept for reuse until there are this many records, or twice as many as in use. */
const keptRecords = 1024;

/** The live blocks of one tag. */
export class AllocationRecord implements TagUsage {
  readonly tag: AllocationTag;
  readonly #account: LedgerAccount | undefined;
  sizeBytes = 0;
  blockCount = 0;

  constructor(tag: AllocationTag, account: LedgerAccount | undefined) {
    this.tag = tag;
    this.#account = account;
  }

  add(sizeBytes: number): void {
    this.sizeBytes += sizeBytes;
    this.blockCount += 1;
    this.#account?.add(sizeBytes);
  }

  remove(sizeBytes: number): void {
    this.sizeBytes -= sizeBytes;
    this.blockCount -= 1;
    this.#account?.subtract(sizeBytes);
  }

  /** Subtracts what is left from the account. */
  clear(): void {
    if (this.sizeBytes > 0) this.#account?.subtract(this.sizeBytes);
    this.sizeBytes = 0;
    this.blockCount = 0;
  }
}

/** The live blocks of one pool, by tag. */
export class AllocationTable {
  readonly #openAccount: (tag: AllocationTag) => LedgerAccount | undefined;
  readonly #records: Map<string, Map<string, Map<string | undefined, AllocationRecord>>> = new Map();
  #recordCount = 0;
  #pruneAt = keptRecords;
  #latest: AllocationRecord | undefined;

  constructor(openAccount: (tag: AllocationTag) => LedgerAccount | undefined) {
    this.#openAccount = openAccount;
  }

  /** Returns the record of a tag; it stays the same while the tag has live blocks. */
  recordOf(tag: AllocationTag): AllocationRecord {
    const latest = this.#latest;
    if (
      latest !== undefined &&
      latest.tag.label === tag.label &&
      latest.tag.purpose === tag.purpose &&
      latest.tag.model === tag.model
    ) {
      return latest;
    }
    let byPurpose = this.#records.get(tag.model);
    if (byPurpose === undefined) this.#records.set(tag.model, (byPurpose = new Map()));
    let byLabel = byPurpose.get(tag.purpose);
    if (byLabel === undefined) byPurpose.set(tag.purpose, (byLabel = new Map()));
    let record = byLabel.get(tag.label);
    if (record === undefined) {
      if (this.#recordCount >= this.#pruneAt) this.#pruneEmpty();
      const { model, purpose, label } = tag;
      const copy = Object.freeze(label === undefined ? { model, purpose } : { model, purpose, label });
      record = new AllocationRecord(copy, this.#openAccount(copy));
      byLabel.set(label, record);
      this.#recordCount += 1;
    }
    this.#latest = record;
    return record;
  }

  /** Returns the tags with live blocks, largest first. */
  usageByTag(): readonly TagUsage[] {
    const live: TagUsage[] = [];
    for (const { tag, sizeBytes, blockCount } of this.#all()) {
      if (blockCount > 0) live.push({ tag, sizeBytes, blockCount });
    }
    return live.sort((a, b) => b.sizeBytes - a.sizeBytes);
  }

  /** Empties the table and subtracts what is live from the accounts. */
  clear(): void {
    for (const record of this.#all()) record.clear();
    this.#records.clear();
    this.#latest = undefined;
    this.#recordCount = 0;
  }

  *#all(): Generator<AllocationRecord> {
    for (const byPurpose of this.#records.values()) {
      for (const byLabel of byPurpose.values()) yield* byLabel.values();
    }
  }

  #pruneEmpty(): void {
    for (const byPurpose of this.#records.values()) {
      for (const byLabel of byPurpose.values()) {
        for (const [label, record] of byLabel) {
          if (record.blockCount > 0) continue;
          byLabel.delete(label);
          this.#recordCount -= 1;
        }
      }
    }
    this.#latest = undefined;
    this.#pruneAt = Math.max(keptRecords, 2 * this.#recordCount);
  }
}
