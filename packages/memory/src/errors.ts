import type { AllocationTag } from "./allocator.ts";
import { formatBytes } from "./format-bytes.ts";

/** Error codes, listed in `docs/errors/memory.md`. A code is never reused. */
export type MemoryErrorCode =
  | "OUT_OF_MEMORY"
  | "MODEL_DOES_NOT_FIT"
  | "INVALID_ARGUMENT"
  | "BLOCK_TOO_LARGE"
  | "BLOCK_DISPOSED"
  | "DOUBLE_FREE"
  | "FOREIGN_BLOCK"
  | "WRONG_DEVICE"
  | "POOL_DISPOSED"
  | "RESERVATION_EXCEEDED"
  | "RESERVATION_DISPOSED"
  | "NOT_ENOUGH_DEVICES"
  | "PARALLELISM_CONFLICT"
  | "CUDA_UNAVAILABLE"
  | "CUDA_ERROR"
  | "CUDA_HANDLE_DISPOSED"
  | "NVML_ERROR"
  | "CUBLAS_ERROR";

/** Base class of all errors of this package; test `code`, not the message. */
export class MemoryError extends Error {
  override readonly name: string = "MemoryError";
  readonly code: MemoryErrorCode;

  constructor(code: MemoryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Returns the message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Live bytes of one tag. */
export interface TagUsage {
  readonly tag: AllocationTag;
  readonly sizeBytes: number;
  readonly blockCount: number;
}

/** Formats a tag as `model/purpose` or `model/purpose/label`. */
export function formatTag(tag: AllocationTag): string {
  return tag.label === undefined ? `${tag.model}/${tag.purpose}` : `${tag.model}/${tag.purpose}/${tag.label}`;
}

/** Formats usage by tag, the first eight by name. */
export function formatUsage(usageByTag: readonly TagUsage[]): string {
  const named = usageByTag
    .slice(0, 8)
    .map(
      ({ tag, sizeBytes, blockCount }) =>
        `${formatTag(tag)} ${formatBytes(sizeBytes)} in ${blockCount} block${blockCount === 1 ? "" : "s"}`,
    );
  if (usageByTag.length > 8) named.push(`${usageByTag.length - 8} more`);
  return named.join(", ");
}

/** The numbers of a refused allocation. */
export type OutOfMemoryDetails = Omit<OutOfMemoryError, keyof MemoryError>;

/** Out of memory after one attempt to trim; the pool stays usable. */
export class OutOfMemoryError extends MemoryError {
  override readonly name: string = "OutOfMemoryError";
  readonly deviceId: string;
  readonly requestedBytes: number;
  /** Within the limit and neither in use nor reserved. */
  readonly freeBytes: number;
  readonly largestFreeBytes: number;
  readonly inUseBytes: number;
  readonly reservedBytes: number;
  readonly limitBytes: number;
  /** Largest first. */
  readonly usageByTag: readonly TagUsage[];

  constructor(details: OutOfMemoryDetails, options?: ErrorOptions) {
    const { deviceId, requestedBytes, freeBytes, largestFreeBytes, usageByTag } = details;
    const { inUseBytes, reservedBytes, limitBytes } = details;
    super(
      "OUT_OF_MEMORY",
      `expected ${formatBytes(requestedBytes)} free on ${deviceId}, got ${formatBytes(freeBytes)} ` +
        `(largest block ${formatBytes(largestFreeBytes)}) of a limit of ${formatBytes(limitBytes)}; ` +
        `in use ${formatBytes(inUseBytes)}, reserved ${formatBytes(reservedBytes)}` +
        (usageByTag.length > 0 ? `; allocated: ${formatUsage(usageByTag)}` : ""),
      options,
    );
    this.deviceId = deviceId;
    this.requestedBytes = requestedBytes;
    this.freeBytes = freeBytes;
    this.largestFreeBytes = largestFreeBytes;
    this.inUseBytes = inUseBytes;
    this.reservedBytes = reservedBytes;
    this.limitBytes = limitBytes;
    this.usageByTag = usageByTag;
  }
}
