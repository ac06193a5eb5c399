import type { AdapterStorage } from "@infernode/inference";
import { openAdapter, type LanguageModel } from "@infernode/models";
import { EngineRequestError } from "../../errors.ts";
import type { AdapterLease, AdapterRef, AdapterService } from "../../operations/adapter.ts";

/** An adapter in memory, or on its way there. */
interface Entry {
  readonly place: number;
  readonly loaded: Promise<void>;
  isLoaded: boolean;
  /** Requests that hold it. */
  holderCount: number;
  /** It is to be freed by its last holder. */
  isRetired: boolean;
}

export interface AdapterTableOptions {
  /** `undefined` where there is no room for adapters. */
  readonly storage: AdapterStorage | undefined;
  readonly config: LanguageModel["config"];
}

/**
 * Creates the table of an engine's adapters. Each is read from its directory when it is first used; one that nobody
 * holds makes room for another, least recently used first.
 */
export function createAdapterTable({ storage, config }: AdapterTableOptions): AdapterService {
  /** By name and version, the least recently used first. */
  const entries = new Map<string, Entry>();
  const freePlaces = Array.from({ length: storage?.maxAdapters ?? 0 }, (_, index) => index + 1);

  const free = (key: string, { place }: Entry): void => {
    entries.delete(key);
    storage?.unload(place);
    freePlaces.push(place);
  };
  const evict = (): void => {
    const idle = [...entries].find(([, { holderCount }]) => holderCount === 0);
    if (idle !== undefined) free(...idle);
  };
  const read = async ({ directory }: AdapterRef, place: number, into: AdapterStorage): Promise<void> => {
    const adapter = await openAdapter(directory, { config, maxRank: into.maxRank });
    try {
      await into.load(place, adapter);
    } finally {
      await adapter.close();
    }
  };
  const begin = (ref: AdapterRef): Entry => {
    if (storage === undefined) {
      const message = "expected an engine with room for adapters, got one without; see engine.maxAdapters";
      throw new EngineRequestError({ code: "INVALID_REQUEST", message });
    }
    if (freePlaces.length === 0) evict();
    const place = freePlaces.shift();
    if (place === undefined) {
      const message = `all memory for adapters (${storage.maxAdapters}) is held by requests that run`;
      throw new EngineRequestError({ code: "ENGINE_UNAVAILABLE", message });
    }
    return { place, loaded: read(ref, place, storage), isLoaded: false, holderCount: 0, isRetired: false };
  };
  const release = (key: string, entry: Entry): void => {
    entry.holderCount -= 1;
    if (entry.holderCount === 0 && (entry.isRetired || !entry.isLoaded)) free(key, entry);
  };

  return {
    async acquire(ref): Promise<AdapterLease> {
      const key = keyOf(ref);
      const entry = entries.get(key) ?? begin(ref);
      entries.delete(key);
      entries.set(key, entry);
      entry.holderCount += 1;
      try {
        await entry.loaded;
        entry.isLoaded = true;
      } catch (error) {
        release(key, entry);
        throw error;
      }
      let isHeld = true;
      return {
        place: entry.place,
        release: () => {
          if (isHeld) release(key, entry);
          isHeld = false;
        },
      };
    },
    retire(ref) {
      const key = keyOf(ref);
      const entry = entries.get(key);
      if (entry === undefined) return;
      entry.isRetired = true;
      if (entry.holderCount === 0) free(key, entry);
    },
  };
}

function keyOf({ name, version }: AdapterRef): string {
  return `${version} ${name}`;
}
