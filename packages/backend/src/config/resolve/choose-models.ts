import type { ConfigValues, ModelReading, SourceReading } from "./config-values.ts";

/** A model that will be served, and what the sources say of it alone. */
export interface ChosenModel {
  /** `undefined`: the one of the section `model`. */
  readonly entry: Pick<ModelReading, "id" | "where"> | undefined;
  /** The rank of the source that gives the id. */
  readonly idRank: number;
  /** By the rank of the source; the highest is 0. */
  readonly own: ReadonlyMap<number, ConfigValues>;
}

/**
 * Says which models are served: those of the highest source that names any. A path that is an id in the map of a
 * lower source stands for that entry, with its settings.
 */
export function chooseModels(readings: readonly SourceReading[]): readonly ChosenModel[] {
  const rank = readings.findIndex(({ models, values }) => models !== undefined || values.has("model.path"));
  const deciding = readings[rank];
  const path = deciding?.values.get("model.path");
  const section = { values: new Map(path === undefined ? [] : [["path", path]]), entry: undefined };
  const named = deciding?.models?.map((entry) => ({ values: entry.values, entry })) ?? [section];
  const catalog = readings.flatMap(({ models = [] }, index) =>
    index > rank ? models.map((entry) => ({ entry, rank: index })) : [],
  );
  return named.map(({ values, entry }) => {
    const meant = catalog.find((each) => each.entry.id === values.get("path")?.value);
    if (meant === undefined) return { entry, idRank: rank, own: new Map([[rank, values]]) };
    const own = new Map([[meant.rank, meant.entry.values]]);
    // An id of its own makes it another model of the same kind.
    return entry?.id === undefined
      ? { entry: meant.entry, idRank: meant.rank, own }
      : { entry, idRank: rank, own };
  });
}

const hints: Readonly<Record<string, string>> = {
  "model.name": "write --model <id>=<directory>, or the id as a key of models in a configuration file",
  "model.aliases": "set aliases of each in models of a configuration file",
  "model.adapters": "set adapters of each in models of a configuration file",
  "model.chatTemplate": "set chatTemplate of each in models of a configuration file",
};

/**
 * Finds values that are for one model where several are served. A source that names a model itself, and is
 * outranked in that, does not count.
 */
export function findSingleModelValues(readings: readonly SourceReading[], modelCount: number): string[] {
  if (modelCount === 1) return [];
  const sources = readings.filter(({ values }) => !values.has("model.path"));
  return sources.flatMap(({ values }) =>
    Object.entries(hints).flatMap(([path, hint]) => {
      const given = values.get(path);
      return given === undefined ? [] : [`${given.where}: expected one model, got ${modelCount}; ${hint}`];
    }),
  );
}
