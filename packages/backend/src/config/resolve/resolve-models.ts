import { embeddedModelDirectory, modelNameOf } from "@infernode/models/names";
import {
  findAdapterProblem,
  findLibraryProblem,
  findNameProblems,
  findShareProblems,
  findStepProblem,
  findUnusedValues,
} from "./check-models.ts";
import { chooseModels, findSingleModelValues, type ChosenModel } from "./choose-models.ts";
import type { ConfigOrigin, EngineSettings, ModelConfig } from "../config.ts";
import type { ConfigValue, SourceReading } from "./config-values.ts";
import type { ReadValue } from "./read-value.ts";
import type { Setting } from "../setting.ts";
import { modelEntrySettings, modelNameSetting } from "../settings.ts";

export interface ResolvedModels {
  readonly models: readonly ModelConfig[];
  /** By `models.<id>.engine.threads` and so on; by `model.path` and so on for the one of the section `model`. */
  readonly origins: Readonly<Record<string, ConfigOrigin>>;
}

/** Resolves the configuration of every model that is served; errors are added to the problems. */
export function resolveModels(
  readings: readonly SourceReading[],
  read: ReadValue,
  problems: string[],
): ResolvedModels {
  const chosen = chooseModels(readings);
  const isOnly = chosen.length === 1;
  problems.push(...findSingleModelValues(readings, chosen.length));
  const origins: Record<string, ConfigOrigin> = {};

  /** Each source's entry for this model comes before its section for all; a total does not replace a model's own. */
  const find = ({ own }: ChosenModel, key: string, { path, isTotal }: Setting): ConfigValue | undefined => {
    // A path is of one model; what else the section `model` says is of the only one.
    const isShared = path === key || (isOnly && key !== "path");
    const ofModel = readings.map((_, rank) => own.get(rank)?.get(key));
    const ofSection = readings.map(({ values }) => (isShared ? values.get(path) : undefined));
    const byRank = readings.flatMap((_, rank) => [ofModel[rank], ofSection[rank]]);
    return (isTotal === true ? [...ofModel, ...ofSection] : byRank).find((value) => value !== undefined);
  };
  const readName = ({ entry, idRank }: ChosenModel): string | undefined => {
    const { path } = modelNameSetting;
    const rank = readings.findIndex(({ values }) => values.has(path));
    const given = readings[rank]?.values.get(path);
    if (entry === undefined) origins[path] = given?.origin ?? { source: "default", name: undefined };
    if (given === undefined || !isOnly) return entry?.id;
    if (entry?.id === undefined || rank < idRank) return read(modelNameSetting, given) as string | undefined;
    if (rank === idRank) problems.push(`${given.where}: expected one id, got another in ${entry.where}`);
    return entry.id;
  };
  const givenTo = new Map<ChosenModel, ReadonlyMap<string, ConfigValue | undefined>>();
  const resolveModel = (model: ChosenModel): ModelConfig => {
    const given = new Map<string, ConfigValue | undefined>();
    const values = new Map<string, unknown>();
    for (const [key, setting] of modelEntrySettings) {
      const value = find(model, key, setting);
      given.set(key, value);
      values.set(key, value === undefined ? setting.default : read(setting, value));
    }
    givenTo.set(model, given);
    const path = String(values.get("path"));
    const directory = path === "embedded" ? embeddedModelDirectory() : path;
    const id = readName(model) ?? modelNameOf(directory);
    const engine: Record<string, unknown> = {};
    for (const [key, setting] of modelEntrySettings) {
      const isOfEngine = setting.path === key;
      if (isOfEngine) engine[key.replace("engine.", "")] = values.get(key);
      const place = model.entry === undefined ? setting.path : `models.${id}.${key}`;
      origins[place] = given.get(key)?.origin ?? { source: "default", name: undefined };
    }
    return Object.freeze({
      id,
      // Every value was checked by the schema of its setting; a test compares the table with the type.
      aliases: values.get("aliases") as readonly string[],
      directory,
      chatTemplate: values.get("chatTemplate") as string | undefined,
      toolParser: values.get("toolParser") as string,
      reasoningParser: values.get("reasoningParser") as string,
      adapters: values.get("adapters") as Readonly<Record<string, string>>,
      engine: Object.freeze(engine) as unknown as EngineSettings,
    });
  };
  const models = Object.freeze(chosen.map(resolveModel));
  // What could not be read has no name and no size.
  if (problems.length === 0) {
    const places = models.map((model, index) => {
      const from = chosen[index]!;
      return { model, entry: from.entry, given: givenTo.get(from) ?? new Map<string, ConfigValue>() };
    });
    problems.push(
      ...findNameProblems(places),
      ...places.flatMap(findStepProblem),
      ...places.flatMap(findAdapterProblem),
      ...places.flatMap(findLibraryProblem),
      ...findShareProblems(places),
      ...findUnusedValues(places),
    );
  }
  return { models, origins };
}
