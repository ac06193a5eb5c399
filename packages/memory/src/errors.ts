import type { AllocationTag } from "./allocator.ts";
import { formatBytes } from "./format-bytes.ts";

/** What went wrong, for programs. Listed in `docs/errors/memory.md`; never reused. */
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
  | "NVML_ERROR";

/** Every failure of this package; test `code`, not the wording. */
export class MemoryError extends Error {
  override readonly name: string = "MemoryError";
  readonly code: MemoryErrorCode;

  constructor(code: MemoryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Live bytes of one tag. */
export interface TagUsage {
  readonly tag: AllocationTag;
  readonly sizeBytes: number;
  readonly blockCount: number;
}

/** The numbers behind a refused allocation, all in bytes. */
export interface OutOfMemoryNumbers {
  readonly deviceId: string;
  readonly requestedBytes: number;
  /** Within the limit and not in use or reserved; `largestFreeBytes` of it in one piece. */
  readonly freeBytes: number;
  readonly largestFreeBytes: number;
  readonly inUseBytes: number;
  readonly reservedBytes: number;
  readonly limitBytes: number;
  /** Largest first. */
  readonly usageByTag: readonly TagUsage[];
}

/** Names a tag as `model/purpose` or `model/purpose/label`. */
export function formatTag(tag: AllocationTag): string {
  return tag.label === undefined ? `${tag.model}/${tag.purpose}` : `${tag.model}/${tag.purpose}/${tag.label}`;
}

/** Lists usage for people, the largest eight by name. */
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

/** A pool had no room, after one attempt to trim; the pool stays usable. */
export class OutOfMemoryError extends MemoryError implements OutOfMemoryNumbers {
  override readonly name: string = "OutOfMemoryError";
  readonly deviceId: string;
  readonly requestedBytes: number;
  readonly freeBytes: number;
  readonly largestFreeBytes: number;
  readonly inUseBytes: number;
  readonly reservedBytes: number;
  readonly limitBytes: number;
  readonly usageByTag: readonly TagUsage[];

  constructor(numbers: OutOfMemoryNumbers, options?: ErrorOptions) {
    const { deviceId, requestedBytes, freeBytes, largestFreeBytes, inUseBytes, reservedBytes, limitBytes } =
      numbers;
    super(
      "OUT_OF_MEMORY",
      `asked for ${formatBytes(requestedBytes)} on ${deviceId}, found ${formatBytes(freeBytes)} free ` +
        `(largest block ${formatBytes(largestFreeBytes)}) of a limit of ${formatBytes(limitBytes)}; ` +
        `in use ${formatBytes(inUseBytes)}, reserved ${formatBytes(reservedBytes)}` +
        (numbers.usageByTag.length > 0 ? `; held by ${formatUsage(numbers.usageByTag)}` : ""),
      options,
    );
    this.deviceId = deviceId;
    this.requestedBytes = requestedBytes;
    this.freeBytes = freeBytes;
    this.largestFreeBytes = largestFreeBytes;
    this.inUseBytes = inUseBytes;
    this.reservedBytes = reservedBytes;
    this.limitBytes = limitBytes;
    this.usageByTag = numbers.usageByTag;
  }
}
