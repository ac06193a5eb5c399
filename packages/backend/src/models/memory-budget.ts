import { createCpuDevice, readAvailableMemory, type AvailableMemory } from "@infernode/memory";
import { createResolvers, type Resolvers } from "../create-resolvers.ts";
import { divideMemory, type MemoryDemand } from "./divide-memory.ts";

/** The part of one model in a budget. */
export interface MemoryShare {
  /**
   * Resolves with what the model may plan with. The first answer waits until the other models of a start have
   * asked too, so that the order in which they do decides nothing; a model that asks again, after a crash, gets
   * the same.
   */
  reserve(demand: MemoryDemand): Promise<AvailableMemory>;
  /** The model was planned with this much; the rest of its part is free again. */
  settle(plannedBytes: number): void;
  /** The model has failed or was stopped: its part is free again, and nobody waits for it. */
  withdraw(): void;
}

/** The memory of all models of one daemon. */
export interface MemoryBudget {
  share(modelId: string): MemoryShare;
}

export interface MemoryBudgetOptions {
  /** The models that are started together. */
  readonly modelIds: readonly string[];
  /** Of all models together; what the machine has free when they are started, where that is less. */
  readonly limitBytes?: number | undefined;
  /** How long models that have asked wait for those that have not. [5000] */
  readonly waitTimeoutMs?: number;
  /** [what the machine has free, within the limit] */
  readonly readMemory?: () => AvailableMemory;
}

interface Asking {
  readonly demand: MemoryDemand;
  readonly answer: Resolvers<AvailableMemory>;
}

/** Creates the budget; the machine is asked once, when it is divided for the first time. */
export function createMemoryBudget(options: MemoryBudgetOptions): MemoryBudget {
  const { limitBytes, waitTimeoutMs = 5000 } = options;
  const readMemory = options.readMemory ?? (() => readAvailableMemory(createCpuDevice(), limitBytes));
  const missing = new Set(options.modelIds);
  const asking = new Map<string, Asking>();
  /** What each model was answered. */
  const granted = new Map<string, AvailableMemory>();
  /** What each model has of the budget: all that it was answered, or what it was planned with. */
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
    // Who has not asked in time keeps a fair part.
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
        // A model that does not fit is told what the others cannot do without, and not what is left over for them.
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
  const divideWhenAllAsked = (): void => {
    if (asking.size > 0 && missing.size === 0) divide();
  };

  return {
    share: (id) => ({
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
