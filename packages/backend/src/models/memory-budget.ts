import type { ExecutorMemoryPlan } from "@infernode/inference";
import { createCpuDevice, readAvailableMemory, type AvailableMemory } from "@infernode/memory";
import { createResolvers, type Resolvers } from "../create-resolvers.ts";
import { divideMemory, type MemoryDemand } from "./divide-memory.ts";

/** The share of one model in a budget. */
export interface MemoryShare {
  /**
   * What the model may plan with, if that is certain already: after a crash, and for the only model, which may use
   * all. `undefined`: it must `reserve`.
   */
  granted(): AvailableMemory | undefined;
  /**
   * Resolves with the memory that the model may plan with, once the other models of the start have reserved theirs:
   * their order makes no difference. A model that reserves again after a crash gets the same.
   */
  reserve(demand: MemoryDemand): Promise<AvailableMemory>;
  /** The model was planned with this much; releases the rest of its share. */
  settle(plannedBytes: number): void;
  /** The model has failed or was stopped: releases its share, and no other model waits for it. */
  withdraw(): void;
}

/** The memory of all models of one daemon. */
export interface MemoryBudget {
  share(modelId: string): MemoryShare;
}

export interface MemoryBudgetOptions {
  /** The models that are started together. */
  readonly modelIds: readonly string[];
  /** Limit of all models together; the free memory at the start, if that is less. */
  readonly limitBytes?: number | undefined;
  /** How long reservations wait for those of other models. [5000] */
  readonly waitTimeoutMs?: number;
  /** [the free memory of the machine, within the limit] */
  readonly readMemory?: () => AvailableMemory;
}

interface Asking {
  readonly demand: MemoryDemand;
  readonly answer: Resolvers<AvailableMemory>;
}

/** Creates the budget; the free memory is read once, when it is divided for the first time. */
export function createMemoryBudget(options: MemoryBudgetOptions): MemoryBudget {
  const { limitBytes, waitTimeoutMs = 5000 } = options;
  const readMemory = options.readMemory ?? (() => readAvailableMemory(createCpuDevice(), limitBytes));
  const missing = new Set(options.modelIds);
  const asking = new Map<string, Asking>();
  /** By model. */
  const granted = new Map<string, AvailableMemory>();
  /** By model: all that was granted, or what it was planned with. */
  const reservedBytes = new Map<string, number>();
  let total: AvailableMemory | undefined;
  let timer: NodeJS.Timeout | undefined;

  const divide = (): void => {
    clearTimeout(timer);
    timer = undefined;
    total ??= readMemory();
    const { deviceId, availableBytes } = total;
    const earlier = [...reservedBytes].map(([model, sizeBytes]) => ({ model, sizeBytes }));
    const freeBytes = earlier.reduce((rest, { sizeBytes }) => rest - sizeBytes, availableBytes);
    // A model that is late keeps a fair share.
    const unknown = [...missing].map(
      (id) => [id, { minBytes: 0, maxBytes: Number.MAX_SAFE_INTEGER }] as const,
    );
    const known = [...asking].map(([id, { demand }]) => [id, demand] as const);
    const parts = divideMemory(new Map([...known, ...unknown]), Math.max(0, freeBytes));
    for (const [id, { demand, answer }] of asking) {
      const bytes = parts.get(id) ?? 0;
      const fits = bytes >= demand.minBytes;
      const others = [...parts].flatMap(([model, part]) => {
        if (model === id) return [];
        // The error of a model that does not fit names what the others need at least, not their whole share.
        return [
          { model, sizeBytes: fits ? part : Math.min(part, asking.get(model)?.demand.minBytes ?? part) },
        ];
      });
      const grant = { deviceId, availableBytes: bytes, reservations: [...earlier, ...others] };
      granted.set(id, grant);
      reservedBytes.set(id, bytes);
      answer.resolve(grant);
    }
    asking.clear();
  };
  const grantAlone = (id: string): AvailableMemory | undefined => {
    if (granted.size + asking.size > 0 || missing.size !== 1 || !missing.delete(id)) return undefined;
    total ??= readMemory();
    granted.set(id, total);
    reservedBytes.set(id, total.availableBytes);
    return total;
  };
  const divideWhenAllAsked = (): void => {
    if (asking.size > 0 && missing.size === 0) divide();
  };

  return {
    share: (id) => ({
      granted: () => granted.get(id) ?? grantAlone(id),
      reserve: (demand) => {
        const before = granted.get(id);
        if (before !== undefined) return Promise.resolve(before);
        const answer = asking.get(id)?.answer ?? createResolvers<AvailableMemory>();
        asking.set(id, { demand, answer });
        missing.delete(id);
        timer ??= setTimeout(divide, waitTimeoutMs);
        divideWhenAllAsked();
        return answer.promise;
      },
      settle: (plannedBytes) => {
        if (reservedBytes.has(id)) reservedBytes.set(id, plannedBytes);
      },
      withdraw: () => {
        missing.delete(id);
        asking.delete(id);
        granted.delete(id);
        reservedBytes.delete(id);
        if (asking.size === 0) clearTimeout(timer);
        divideWhenAllAsked();
      },
    }),
  };
}

/** Bytes of the host's memory that a plan takes: all, or the rest where the executor's memory is on a device. */
export function hostBytesOf({ hostBytes, totalBytes }: ExecutorMemoryPlan): number {
  return hostBytes ?? totalBytes;
}
