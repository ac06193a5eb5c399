import { type MemoryPurpose, memoryPurposes } from "../allocator.ts";
import { assertInteger, invalidArgument } from "../assert-argument.ts";
import type { Device } from "../device.ts";
import { MemoryError } from "../errors.ts";
import { formatBytes } from "../format-bytes.ts";

/** The memory that a model will need on one device, by purpose; computed before anything is loaded. */
export interface MemoryPlan {
  readonly model: string;
  readonly deviceId: string;
  readonly bytes: Readonly<Partial<Record<MemoryPurpose, number>>>;
}

/** The memory that a plan must fit into. */
export interface AvailableMemory {
  readonly deviceId: string;
  readonly availableBytes: number;
  /** What other models have reserved of the device's memory. [nothing] */
  readonly reservations?: readonly { readonly model: string; readonly sizeBytes: number }[];
}

/**
 * Returns the total bytes of a plan.
 * @throws MemoryError `INVALID_ARGUMENT` for an unknown purpose, or a size that is not a number of bytes
 */
export function sumPlan(plan: MemoryPlan): number {
  let totalBytes = 0;
  for (const [purpose, sizeBytes] of Object.entries(plan.bytes)) {
    if (!memoryPurposes.some((known) => known === purpose)) {
      throw invalidArgument(
        `the plan of ${plan.model}`,
        `purposes among ${memoryPurposes.join(", ")}`,
        purpose,
      );
    }
    assertInteger(`the plan of ${plan.model} for ${purpose}`, sizeBytes, 0);
    totalBytes += sizeBytes;
  }
  return totalBytes;
}

function formatReservations({ reservations = [] }: AvailableMemory): string {
  const parts = reservations.map(({ model, sizeBytes }) => `${model} ${formatBytes(sizeBytes)}`);
  return parts.length === 0 ? "" : `; reserved for other models: ${parts.join(", ")}`;
}

/** A plan does not fit. */
export class ModelDoesNotFitError extends MemoryError {
  override readonly name: string = "ModelDoesNotFitError";
  readonly plan: MemoryPlan;
  readonly requiredBytes: number;
  readonly availableBytes: number;

  constructor(plan: MemoryPlan, available: AvailableMemory) {
    const { availableBytes } = available;
    const requiredBytes = sumPlan(plan);
    const parts = memoryPurposes
      .filter((purpose) => (plan.bytes[purpose] ?? 0) > 0)
      .map((purpose) => `${purpose} ${formatBytes(plan.bytes[purpose] ?? 0)}`);
    super(
      "MODEL_DOES_NOT_FIT",
      `${plan.model}: expected ${formatBytes(requiredBytes)} available on ${plan.deviceId} (${parts.join(", ")}), ` +
        `got ${formatBytes(availableBytes)}: ${formatBytes(requiredBytes - availableBytes)} too little${formatReservations(available)}`,
    );
    this.plan = plan;
    this.requiredBytes = requiredBytes;
    this.availableBytes = availableBytes;
  }
}

/** Returns the free memory of a device now, or the limit where that is less. */
export function readAvailableMemory(
  device: Device,
  limitBytes: number = Number.POSITIVE_INFINITY,
): AvailableMemory {
  return { deviceId: device.id, availableBytes: Math.min(device.freeBytes(), limitBytes) };
}

/**
 * Checks that a plan fits, before anything is allocated.
 * @throws MemoryError `MODEL_DOES_NOT_FIT` with the bytes of each purpose, `INVALID_ARGUMENT`
 */
export function assertPlanFits(plan: MemoryPlan, available: AvailableMemory): void {
  if (plan.deviceId !== available.deviceId) {
    throw invalidArgument(`the plan of ${plan.model}`, `memory of ${plan.deviceId}`, available.deviceId);
  }
  if (sumPlan(plan) > available.availableBytes) throw new ModelDoesNotFitError(plan, available);
}
