import type { MemoryPurpose } from "../allocator.ts";
import type { Device } from "../device.ts";
import { MemoryError } from "../errors.ts";
import { formatBytes } from "../format-bytes.ts";

/** What a model will need on one device, in bytes by purpose; made before anything is loaded. */
export interface MemoryPlan {
  readonly model: string;
  readonly deviceId: string;
  readonly bytes: Readonly<Partial<Record<MemoryPurpose, number>>>;
}

/** What a plan has to fit into. */
export interface AvailableMemory {
  readonly deviceId: string;
  readonly availableBytes: number;
}

/** Every purpose, in the order in which people are told. */
export const memoryPurposes: readonly MemoryPurpose[] = [
  "weights",
  "kv-cache",
  "activations",
  "workspace",
  "answers",
  "other",
];

/** The bytes of a plan; refuses what is not a number of bytes. */
export function sumPlan(plan: MemoryPlan): number {
  let totalBytes = 0;
  for (const purpose of Object.keys(plan.bytes)) {
    if (!memoryPurposes.some((known) => known === purpose)) {
      throw new MemoryError(
        "INVALID_ARGUMENT",
        `the plan of ${plan.model} has the purpose "${purpose}"; known are ${memoryPurposes.join(", ")}`,
      );
    }
  }
  for (const purpose of memoryPurposes) {
    const sizeBytes = plan.bytes[purpose] ?? 0;
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
      throw new MemoryError(
        "INVALID_ARGUMENT",
        `the plan of ${plan.model} for ${purpose} must be an integer of 0 or more bytes, found ${sizeBytes}`,
      );
    }
    totalBytes += sizeBytes;
  }
  return totalBytes;
}

/** A plan that does not fit, with its numbers. */
export class ModelDoesNotFitError extends MemoryError {
  override readonly name: string = "ModelDoesNotFitError";
  readonly plan: MemoryPlan;
  readonly requiredBytes: number;
  readonly availableBytes: number;

  constructor(plan: MemoryPlan, room: AvailableMemory) {
    const requiredBytes = sumPlan(plan);
    const parts = memoryPurposes
      .filter((purpose) => (plan.bytes[purpose] ?? 0) > 0)
      .map((purpose) => `${purpose} ${formatBytes(plan.bytes[purpose] ?? 0)}`);
    super(
      "MODEL_DOES_NOT_FIT",
      `${plan.model} needs ${formatBytes(requiredBytes)} on ${room.deviceId} (${parts.join(", ")}), found ` +
        `${formatBytes(room.availableBytes)} available: ${formatBytes(requiredBytes - room.availableBytes)} short`,
    );
    this.plan = plan;
    this.requiredBytes = requiredBytes;
    this.availableBytes = room.availableBytes;
  }
}

/** What a device has to give now, or what a limit leaves of it. */
export function readAvailableMemory(
  device: Device,
  limitBytes: number = Number.POSITIVE_INFINITY,
): AvailableMemory {
  return { deviceId: device.id, availableBytes: Math.min(device.freeBytes(), limitBytes) };
}

/**
 * Refuses a plan that does not fit, before memory is taken.
 * @throws MemoryError `MODEL_DOES_NOT_FIT` with the bytes of each purpose, `INVALID_ARGUMENT`
 */
export function assertPlanFits(plan: MemoryPlan, room: AvailableMemory): void {
  if (plan.deviceId !== room.deviceId) {
    throw new MemoryError(
      "INVALID_ARGUMENT",
      `the plan is for ${plan.deviceId}, the room is on ${room.deviceId}`,
    );
  }
  if (sumPlan(plan) > room.availableBytes) throw new ModelDoesNotFitError(plan, room);
}
