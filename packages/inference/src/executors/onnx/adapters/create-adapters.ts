import type { ExecutorOptions } from "../../executor-provider.ts";
import { summarizeNetwork } from "../../network/network-summary.ts";
import { AdapterInputs } from "./adapter-inputs.ts";
import { type AdapterSizes, AdapterStore } from "../../adapters/adapter-store.ts";

/** Memory for adapters, and what binds it to calls. */
export interface Adapters {
  readonly store: AdapterStore;
  readonly inputs: AdapterInputs;
  dispose(): void;
}

/** Allocates memory for adapters; `undefined` where there is to be room for none. */
export function createAdapters(
  { model, memory }: Pick<ExecutorOptions, "model" | "memory">,
  sizes: AdapterSizes & { readonly maxSequences: number },
): Adapters | undefined {
  if (sizes.maxAdapters === 0) return undefined;
  const owner = { memory, model: model.name };
  const products = [...summarizeNetwork(model).adaptable.values()];
  const store = new AdapterStore(products, sizes, owner);
  try {
    const inputs = new AdapterInputs(store, sizes.maxSequences, owner);
    const dispose = (): void => {
      inputs.dispose();
      store.dispose();
    };
    return { store, inputs, dispose };
  } catch (error) {
    store.dispose();
    throw error;
  }
}
