import type { AllocationTag } from "../allocator.ts";
import type { TagUsage } from "../errors.ts";
import type { LedgerAccount } from "../ledger/ledger.ts";

/** Entries at zero are kept for their next block, up to this many entries or as many as hold something. */
const keptEntries = 1024;

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

  take(sizeBytes: number): void {
    this.sizeBytes += sizeBytes;
    this.blockCount += 1;
    this.#account?.add(sizeBytes);
  }

  give(sizeBytes: number): void {
    this.sizeBytes -= sizeBytes;
    this.blockCount -= 1;
    this.#account?.subtract(sizeBytes);
  }

  /** Takes what is left off the account. */
  settle(): void {
    if (this.sizeBytes > 0) this.#account?.subtract(this.sizeBytes);
    this.sizeBytes = 0;
    this.blockCount = 0;
  }
}

/** Who holds what in one pool, by tag. */
export class AllocationTable {
  readonly #openAccount: (tag: AllocationTag) => LedgerAccount | undefined;
  readonly #entries: Map<string, Map<string, Map<string | undefined, AllocationRecord>>> = new Map();
  #entryCount = 0;
  #forgetAt = keptEntries;
  #latest: AllocationRecord | undefined;

  constructor(openAccount: (tag: AllocationTag) => LedgerAccount | undefined) {
    this.#openAccount = openAccount;
  }

  /** The entry of a tag; the same one as long as it holds anything. */
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
    let byPurpose = this.#entries.get(tag.model);
    if (byPurpose === undefined) this.#entries.set(tag.model, (byPurpose = new Map()));
    let byLabel = byPurpose.get(tag.purpose);
    if (byLabel === undefined) byPurpose.set(tag.purpose, (byLabel = new Map()));
    let entry = byLabel.get(tag.label);
    if (entry === undefined) {
      if (this.#entryCount >= this.#forgetAt) this.#forgetEmpty();
      const { model, purpose, label } = tag;
      const copy = Object.freeze(label === undefined ? { model, purpose } : { model, purpose, label });
      entry = new AllocationRecord(copy, this.#openAccount(copy));
      byLabel.set(label, entry);
      this.#entryCount += 1;
    }
    this.#latest = entry;
    return entry;
  }

  /** Everybody who holds something, largest first. */
  usageByTag(): readonly TagUsage[] {
    const live: TagUsage[] = [];
    for (const { tag, sizeBytes, blockCount } of this.#all()) {
      if (blockCount > 0) live.push({ tag, sizeBytes, blockCount });
    }
    return live.sort((a, b) => b.sizeBytes - a.sizeBytes);
  }

  /** Settles every account, as if each block had been given back. */
  close(): void {
    for (const entry of this.#all()) entry.settle();
    this.#entries.clear();
    this.#latest = undefined;
    this.#entryCount = 0;
  }

  *#all(): Generator<AllocationRecord> {
    for (const byPurpose of this.#entries.values()) {
      for (const byLabel of byPurpose.values()) yield* byLabel.values();
    }
  }

  #forgetEmpty(): void {
    for (const byPurpose of this.#entries.values()) {
      for (const byLabel of byPurpose.values()) {
        for (const [label, entry] of byLabel) {
          if (entry.blockCount > 0) continue;
          byLabel.delete(label);
          this.#entryCount -= 1;
        }
      }
    }
    this.#latest = undefined;
    this.#forgetAt = Math.max(keptEntries, 2 * this.#entryCount);
  }
}
