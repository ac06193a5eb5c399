import type { AllocationTag } from "../allocator.ts";

/** One holder's line in a ledger; made once and kept, so that a pool pays no look-up per block. */
export interface LedgerAccount {
  add(sizeBytes: number): void;
  subtract(sizeBytes: number): void;
}

/** Where pools report what they hold; `MemoryTracker` is one. */
export interface MemoryLedger {
  account(tag: AllocationTag, deviceId: string): LedgerAccount;
}
