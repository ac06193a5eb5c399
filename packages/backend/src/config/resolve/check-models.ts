import { describeValue } from "../../text/describe-value.ts";
import type { EngineSettings, ModelConfig } from "../config.ts";
import { engineDefaults } from "../engine-defaults.ts";
import { type ExecutorName, namedExecutor } from "../executor-names.ts";
import { executorsOfSettings, usesSetting } from "../executor-settings.ts";
import type { ConfigValue, ModelReading } from "./config-values.ts";

const defaults: Partial<EngineSettings> = engineDefaults;

/** A model, and the entry that it was made of; none for that of the section `model`. */
export interface PlacedModel {
  readonly model: ModelConfig;
  readonly entry: Pick<ModelReading, "id" | "where"> | undefined;
}

function whereOf({ entry }: PlacedModel): string {
  return entry?.where ?? "model";
}

/** Finds names that two models have. Those of the file and of flags are checked; a directory's may be any. */
export function findNameProblems(places: readonly PlacedModel[]): string[] {
  const problems: string[] = [];
  const owners = new Map<string, PlacedModel>();
  for (const place of places) {
    const { id, aliases, adapters } = place.model;
    for (const name of [id, ...aliases, ...Object.keys(adapters)]) {
      const owner = owners.get(name);
      owners.set(name, place);
      if (owner === undefined) continue;
      const isOfFlags = place.entry?.id === undefined && name === id;
      const hint = isOfFlags ? "; write --model <id>=<directory>" : "";
      problems.push(
        `${whereOf(place)}: expected names that no other model has, got ${describeValue(name)}, which ` +
          `${owner === place ? "it has twice" : `${whereOf(owner)} has as well`}${hint}`,
      );
    }
  }
  return problems;
}

/** Every adapter takes memory. */
export function findAdapterProblem({ model, entry }: PlacedModel): readonly string[] {
  const count = Object.keys(model.adapters).length;
  const { maxAdapters = count } = model.engine;
  if (maxAdapters >= count) return [];
  const prefix = entry === undefined ? "" : `models.${model.id}.`;
  return [
    `${prefix}engine.maxAdapters: expected at least ${count}, the adapters of the model, got ${maxAdapters}`,
  ];
}

/** Every running sequence takes one token of a step. */
export function findStepProblem({ model, entry }: PlacedModel): readonly string[] {
  const { maxSequences = 1, maxTokensPerStep } = model.engine;
  if (maxTokensPerStep >= maxSequences) return [];
  const prefix = entry === undefined ? "" : `models.${model.id}.`;
  return [
    `${prefix}engine.maxTokensPerStep: expected at least ${prefix}engine.maxSequences (${maxSequences}), ` +
      `got ${maxTokensPerStep}; every running sequence takes one token of a step`,
  ];
}

/** A model, and the values that it was given. */
export interface GivenModel extends PlacedModel {
  readonly given: ReadonlyMap<string, ConfigValue | undefined>;
}

/**
 * Finds values of settings that no model's executor uses, where all of these are named. A printed configuration has a value
 * for everything: in a file and from a program, defaults are taken.
 */
export function findUnusedValues(models: readonly GivenModel[]): string[] {
  return (Object.keys(executorsOfSettings) as (keyof EngineSettings)[]).flatMap((name) => {
    const unused = new Map<ConfigValue, ExecutorName>();
    const used = new Set<ConfigValue>();
    for (const { model, given } of models) {
      const value = given.get(`engine.${name}`);
      if (value === undefined) continue;
      const executor = namedExecutor(model.engine);
      const isExplicit = value.origin.source === "flag" || value.origin.source === "environment";
      if (executor === undefined || usesSetting(executor, name)) used.add(value);
      else if (isExplicit || model.engine[name] !== defaults[name]) unused.set(value, executor);
    }
    return Array.from(unused).flatMap(([value, executor]) => {
      if (used.has(value)) return [];
      const users = executorsOfSettings[name]?.join(", ");
      const expected = `none with the executor ${executor}, as the setting is for ${users}`;
      return [`${value.where}: expected ${expected}, got ${describeValue(value.value)}`];
    });
  });
}

/** The file of a library is for models that compute with it. */
export function findLibraryProblem({ model, entry, given }: GivenModel): readonly string[] {
  const value = given.get("engine.productLibraryPath");
  const executor = namedExecutor(model.engine);
  if (value === undefined || model.engine.productLibrary !== "none") return [];
  if (executor !== undefined && !usesSetting(executor, "productLibraryPath")) return [];
  const prefix = entry === undefined ? "" : `models.${model.id}.`;
  return [`${value.where}: expected ${prefix}engine.productLibrary "cublasLt" with it, got "none"`];
}

/** Models that are to run on one GPU share its memory. */
export function findShareProblems(places: readonly PlacedModel[]): string[] {
  const sharers = new Map<string, PlacedModel[]>();
  for (const place of places) {
    const { executor, device } = place.model.engine;
    if (executor === "cuda") sharers.set(device, [...(sharers.get(device) ?? []), place]);
  }
  return [...sharers].flatMap(([device, sharing]) => {
    const shares = sharing.map(({ model }) => model.engine.gpuMemoryUtilization);
    if (shares.length === 1 || shares.reduce((sum, share) => sum + share, 0) <= 1) return [];
    const ids = sharing.map(({ model }) => model.id).join(", ");
    return [
      `engine.gpuMemoryUtilization: expected shares of the GPU ${device} that are at most 1 together, got ` +
        `${shares.join(" + ")} for ${ids}; set it for each`,
    ];
  });
}
