import { isAbsolute } from "node:path";
import { embeddedModelDirectory, modelNameOf } from "@infernode/models";
import { BackendError } from "../errors.ts";
import { isLoopback } from "../text/parse-host.ts";
import { absolutePath, baseDirectoryOf, type BaseDirectory } from "./base-directory.ts";
import type { ConfigOrigin, InfernodeConfig, ModelConfig } from "./config.ts";
import type { ConfigValue, ConfigValues, SourceReading } from "./config-values.ts";
import { findConfigFile, readConfigFile } from "./read-config-file.ts";
import { readEnvironment } from "./read-environment.ts";
import { nearestName } from "../text/nearest-name.ts";
import { settings, type Setting } from "./settings.ts";

/** Settings as a program gives them: any part of the configuration. */
export type PartialConfig = {
  readonly [Section in Exclude<keyof InfernodeConfig, "models">]?: Partial<InfernodeConfig[Section]>;
};

/** Where `resolveConfig` looks. */
export interface ResolveConfigOptions {
  /** Wins over everything else. Unknown keys are errors. */
  readonly overrides?: PartialConfig;
  /** Texts by flag name without the dashes, as the command line gave them. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Such as `process.env`; nothing is read from the environment when absent. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** The configuration file; `false` looks for none. By default `infernode.config.*` of the directory. */
  readonly file?: string | false;
  /** Where to look for the file, and what relative paths count from; `false` where there is none. [working directory] */
  readonly directory?: string | false | undefined;
}

/** The configuration, and where each of its values came from. */
export interface ResolvedConfig {
  readonly config: InfernodeConfig;
  /** By setting path, such as `server.port`. */
  readonly origins: Readonly<Record<string, ConfigOrigin>>;
  readonly file: string | undefined;
  /** What works but deserves a word, such as listening to other machines. */
  readonly warnings: readonly string[];
}

function readFlags(flags: Readonly<Record<string, string>>, directory: BaseDirectory): SourceReading {
  const values = new Map<string, ConfigValue>();
  const problems: string[] = [];
  for (const [flag, text] of Object.entries(flags)) {
    const setting = settings.find((each) => each.flag === flag);
    if (setting === undefined) {
      problems.push(`unknown flag --${flag}`);
      continue;
    }
    values.set(setting.path, {
      value: setting.kind.fromText(text),
      origin: { source: "flag", name: `--${flag}` },
      where: `--${flag} ${text}`,
      baseDirectory: directory,
    });
  }
  return { values, problems, warnings: [] };
}

function readOverrides(overrides: PartialConfig, directory: BaseDirectory): SourceReading {
  const values = new Map<string, ConfigValue>();
  const problems: string[] = [];
  const paths = settings.map((setting) => setting.path);
  for (const [section, body] of Object.entries(overrides)) {
    for (const [key, value] of Object.entries(body ?? {})) {
      const path = `${section}.${key}`;
      if (!paths.includes(path)) {
        const nearest = nearestName(path, paths);
        problems.push(`unknown key ${path}${nearest === undefined ? "" : `; did you mean ${nearest}?`}`);
      } else if (value !== undefined) {
        const origin = { source: "program", name: undefined } as const;
        values.set(path, { value, origin, where: path, baseDirectory: directory });
      }
    }
  }
  return { values, problems, warnings: [] };
}

function valueOf(setting: Setting, given: ConfigValue, problems: string[]): unknown {
  const parsed = setting.kind.schema.safeParse(given.value);
  if (!parsed.success) {
    problems.push(`${given.where}: wanted ${setting.kind.expected}, found ${JSON.stringify(given.value)}`);
    return undefined;
  }
  if (setting.isPath === true && typeof parsed.data === "string" && parsed.data !== setting.default) {
    if (given.baseDirectory !== undefined || isAbsolute(parsed.data)) {
      return absolutePath(given.baseDirectory, parsed.data);
    }
    const found = JSON.stringify(given.value);
    problems.push(
      `${given.where}: wanted an absolute path, since the working directory was deleted; found ${found}`,
    );
    return undefined;
  }
  return parsed.data;
}

function assemble(
  sources: readonly ConfigValues[],
  problems: string[],
): Omit<ResolvedConfig, "file" | "warnings"> {
  const config: Record<string, Record<string, unknown>> = {};
  const origins: Record<string, ConfigOrigin> = {};
  for (const setting of settings) {
    const given = sources.map((values) => values.get(setting.path)).find((value) => value !== undefined);
    const [section = "", key = ""] = setting.path.split(".");
    const body = (config[section] ??= {});
    body[key] = given === undefined ? setting.default : valueOf(setting, given, problems);
    if (Array.isArray(body[key])) Object.freeze(body[key]);
    origins[setting.path] = given?.origin ?? { source: "default", name: undefined };
  }
  for (const section of Object.values(config)) Object.freeze(section);
  // Every setting of the table was checked by its schema; a test compares the table with the type.
  const sections = config as unknown as Omit<InfernodeConfig, "models">;
  const models = Object.freeze([modelConfigOf(sections)]);
  return { config: Object.freeze({ ...sections, models }), origins: Object.freeze(origins) };
}

function modelConfigOf({ model, engine }: Pick<InfernodeConfig, "model" | "engine">): ModelConfig {
  const directory = model.path === "embedded" ? embeddedModelDirectory() : model.path;
  const id = model.name ?? modelNameOf(directory);
  return Object.freeze({ id, aliases: [], directory, chatTemplate: model.chatTemplate, engine });
}

/**
 * Resolves the one configuration: flags over environment over file over defaults; frozen.
 * @throws BackendError `INVALID_CONFIG` that names every wrong or unknown value
 */
export async function resolveConfig(options: ResolveConfigOptions = {}): Promise<ResolvedConfig> {
  const directory = baseDirectoryOf(options.directory);
  const variable = options.environment?.["INFERNODE_CONFIG"];
  const named = options.file ?? (variable === "" ? undefined : variable);
  const file = named ?? (directory === undefined ? undefined : await findConfigFile(directory));
  const readings = [
    readOverrides(options.overrides ?? {}, directory),
    readFlags(options.flags ?? {}, directory),
    readEnvironment(options.environment ?? {}, directory),
    ...(typeof file === "string" ? [await readConfigFile(absolutePath(directory, file))] : []),
  ];
  const problems = readings.flatMap((reading) => reading.problems);
  const { config, origins } = assemble(
    readings.map((reading) => reading.values),
    problems,
  );
  const { maxSequences = 1, maxTokensPerStep } = config.engine;
  if (problems.length === 0 && maxTokensPerStep < maxSequences) {
    problems.push(
      `engine.maxTokensPerStep: wanted at least engine.maxSequences (${maxSequences}), ` +
        `found ${maxTokensPerStep}; every running answer takes one token of a step`,
    );
  }
  if (problems.length > 0) {
    const lines = problems.length === 1 ? ` ${problems[0]}` : problems.map((each) => `\n  ${each}`).join("");
    throw new BackendError("INVALID_CONFIG", `invalid configuration:${lines}`);
  }
  const warnings = readings.flatMap((reading) => reading.warnings);
  if (!isLoopback(config.server.host)) {
    warnings.push(
      `listening on ${config.server.host}: other machines can reach this daemon, and it asks for no key`,
    );
  }
  return Object.freeze({
    config,
    origins,
    file: typeof file === "string" ? absolutePath(directory, file) : undefined,
    warnings,
  });
}
