import type { LocalModel, ModelService, ModelStatus } from "../models/model-service.ts";
import { maxDigestHashes, writePrefixDigest } from "../text/prefix-digest.ts";
import { prefixesOfModel } from "../text/prompt-prefix.ts";

/** What is read of an engine: whether it keeps what a request has cached for others. */
export interface NotedEngine {
  readonly id: string;
  readonly model: Pick<LocalModel, "memoryPlan"> | undefined;
}

/** What notes are made of. */
export interface PrefixNotesOptions {
  readonly engines: readonly NotedEngine[];
  readonly service: Pick<ModelService, "models">;
}

/** Which beginnings of prompts the models of a daemon were sent lately, and so have cached where they keep them. */
export interface PrefixNotes {
  /** Whether there is a model that keeps them. */
  readonly isKept: boolean;
  /** Notes hashes of a prompt's beginnings, the longest last, under the name that the request has. */
  note(name: string, prefixes: readonly number[]): void;
  /** A digest of those of a model; `undefined` if there are none. */
  digestOf(modelId: string): string | undefined;
  /** The model's engine has lost its cache. */
  forget(modelId: string): void;
}

interface Noted {
  /** The least recently used first. */
  readonly hashes: Set<number>;
  /** `undefined` if it is not that of the hashes. */
  digest: string | undefined;
}

function isServedAs({ id, aliases }: ModelStatus, name: string): boolean {
  return id === name || aliases.includes(name);
}

/** Creates notes that are empty. Models that keep no prefixes have none. */
export function createPrefixNotes({ engines, service }: PrefixNotesOptions): PrefixNotes {
  const byModel = new Map<string, Noted>();

  const keeps = ({ model }: NotedEngine): boolean => model?.memoryPlan.kvPages?.isShareable ?? false;

  return {
    get isKept() {
      return engines.some(keeps);
    },
    note(name, prefixes) {
      const status = service.models().find((each) => isServedAs(each, name));
      const id = status?.adapter?.baseId ?? status?.id;
      const engine = engines.find((each) => each.id === id);
      if (prefixes.length === 0 || engine === undefined || !keeps(engine)) return;
      const noted: Noted = byModel.get(engine.id) ?? { hashes: new Set(), digest: undefined };
      // The longest first: a beginning is never dropped before those that go on from it.
      for (const hash of prefixesOfModel(name, prefixes).toReversed()) {
        noted.hashes.delete(hash);
        noted.hashes.add(hash);
      }
      for (const oldest of noted.hashes) {
        if (noted.hashes.size <= maxDigestHashes) break;
        noted.hashes.delete(oldest);
      }
      noted.digest = undefined;
      byModel.set(engine.id, noted);
    },
    digestOf(modelId) {
      const noted = byModel.get(modelId);
      return noted && (noted.digest ??= writePrefixDigest(noted.hashes));
    },
    forget: (modelId) => void byModel.delete(modelId),
  };
}
