import type { CudaMemoryBlock } from "@infernode/memory/cuda";
import type { CudaPlan } from "./memory-plan.ts";
import type { AddressOperand } from "./network/program.ts";
import type { KvPages } from "./step/kv-pages.ts";
import type { EditArrays } from "./step/edit-arrays.ts";
import type { InputArrays } from "./step/input-arrays.ts";
import type { RopeTables } from "./step/rope-tables.ts";
import type { DeviceAdapters } from "./weights/device-adapters.ts";
import type { DeviceWeights } from "./weights/device-weights.ts";

/** All memory that a program uses. */
export interface ProgramMemory {
  readonly plan: CudaPlan;
  /** Of values between launches. */
  readonly arena: CudaMemoryBlock;
  readonly inputs: InputArrays;
  readonly edits: EditArrays;
  readonly kv: KvPages;
  /** Where a program has operands of adapters. */
  readonly adapters: DeviceAdapters | undefined;
  readonly ropes: RopeTables;
  readonly weights: DeviceWeights;
}

/** The device address of an operand. */
export function addressIn(memory: ProgramMemory, operand: NonNullable<AddressOperand>): bigint {
  const { plan, arena, inputs, edits, kv, adapters, ropes, weights } = memory;
  switch (operand.kind) {
    case "value":
      return arena.devicePointer + BigInt(plan.arena.offsets[operand.value.id]!);
    case "input":
      return inputs.addressOf(operand.name);
    case "edits":
      return edits.arrays.addressOf(operand.name);
    case "cache":
      return kv.addressOf(operand.layerIndex, operand.part);
    case "adapter":
      return adapters!.addressOf(operand.weightName, operand.part);
    case "rope":
      return ropes.addressOf(operand.index, operand.part);
    case "tensor":
    case "vector":
    case "matrices":
      return weights.addressOf(operand);
    default:
      return operand satisfies never;
  }
}
