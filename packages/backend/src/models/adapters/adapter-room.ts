/** The settings that say how many adapters there is room for. */
export interface AdapterSettings {
  /** Directories by name: loaded with the model. */
  readonly adapters?: Readonly<Record<string, string>> | undefined;
  /** [as many as are loaded with the model, and at least 4 where others may follow] */
  readonly maxAdapters?: number | undefined;
  /** [false] */
  readonly allowsAdapterUpdates?: boolean | undefined;
}

const leastForUpdates = 4;

/** How many adapters there is room for; 0 for none, and a network without any. */
export function adapterRoom({ adapters = {}, maxAdapters, allowsAdapterUpdates }: AdapterSettings): number {
  const count = Object.keys(adapters).length;
  return maxAdapters ?? Math.max(count, allowsAdapterUpdates === true ? leastForUpdates : 0);
}
