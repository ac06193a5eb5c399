import { BackendError } from "../../errors.ts";
import { isLoopback } from "../../text/parse-host.ts";
import { absolutePath, baseDirectoryOf } from "./base-directory.ts";
import type { ConfigOrigin, EngineSettings, InfernodeConfig, ModelSettings } from "../config.ts";
import type { SourceReading } from "./config-values.ts";
import { findConfigFile, readConfigFile } from "./read-config-file.ts";
import { readEnvironment } from "./read-environment.ts";
import { readFlags, type FlagTexts } from "./read-flags.ts";
import { readSections } from "./read-sections.ts";
import { createValueReader } from "./read-value.ts";
import { resolveModels } from "./resolve-models.ts";
import { settings } from "../settings.ts";

/** One of several models, as a program configures it. Settings that are absent are those of the section `engine`. */
export interface ModelEntry extends Partial<Omit<ModelSettings, "name" | "path">> {
  readonly path: string;
  readonly engine?: Partial<EngineSettings>;
}

/** The configuration, or any part of it, as a program passes it. */
export type PartialConfig = {
  readonly [Section in Exclude<keyof InfernodeConfig, "models">]?: Partial<InfernodeConfig[Section]>;
} & {
  readonly model?: Partial<ModelSettings>;
  /** By id; not together with `model`. */
  readonly models?: Readonly<Record<string, ModelEntry>>;
};

const programOrigin: ConfigOrigin = { source: "program", name: undefined };

/** Where `resolveConfig` looks. */
export interface ResolveConfigOptions {
  /** Take precedence over everything else. Unknown keys are errors. */
  readonly overrides?: PartialConfig;
  /** Values of command-line flags by name, without dashes; `model` may be a list. */
  readonly flags?: FlagTexts;
  /** Such as `process.env`; if absent, the environment is not read. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** The configuration file; `false` looks for none. By default `infernode.config.*` of the directory. */
  readonly file?: string | false;
  /** Where to look for the file, and what relative paths count from; `false` where there is none. [working directory] */
  readonly directory?: string | false | undefined;
}

/** The configuration, with the origin of each value. */
export interface ResolvedConfig {
  readonly config: InfernodeConfig;
  /** By place, such as `server.port` or `models.qwen.engine.threads`; the only model of the section is at `model.path`. */
  readonly origins: Readonly<Record<string, ConfigOrigin>>;
  readonly file: string | undefined;
  /** Valid but risky settings, such as listening to other machines. */
  readonly warnings: readonly string[];
}

function assemble(
  readings: readonly SourceReading[],
  problems: string[],
): Omit<ResolvedConfig, "file" | "warnings"> {
  const read = createValueReader(problems);
  const config: Record<string, Record<string, unknown>> = {};
  const origins: Record<string, ConfigOrigin> = {};
  for (const setting of settings) {
    const [section = "", key = ""] = setting.path.split(".");
    if (section === "model") continue;
    const given = readings.map(({ values }) => values.get(setting.path)).find((value) => value !== undefined);
    const body = (config[section] ??= {});
    body[key] = given === undefined ? setting.default : read(setting, given);
    origins[setting.path] = given?.origin ?? { source: "default", name: undefined };
  }
  for (const section of Object.values(config)) Object.freeze(section);
  const resolved = resolveModels(readings, read, problems);
  // Every value was checked by the schema of its setting; a test compares the table with the type.
  const sections = config as unknown as Omit<InfernodeConfig, "models">;
  return {
    config: Object.freeze({ ...sections, models: resolved.models }),
    origins: Object.freeze({ ...origins, ...resolved.origins }),
  };
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
    readSections(options.overrides ?? {}, { origin: programOrigin, baseDirectory: directory, suffix: "" }),
    readFlags(options.flags ?? {}, directory),
    readEnvironment(options.environment ?? {}, directory),
    ...(typeof file === "string" ? [await readConfigFile(absolutePath(directory, file))] : []),
  ];
  const problems = readings.flatMap((reading) => reading.problems);
  const { config, origins } = assemble(readings, problems);
  if (problems.length > 0) {
    const lines = problems.length === 1 ? ` ${problems[0]}` : problems.map((each) => `\n  ${each}`).join("");
    throw new BackendError("INVALID_CONFIG", `invalid configuration:${lines}`);
  }
  const warnings = readings.flatMap((reading) => reading.warnings);
  if (!isLoopback(config.server.host)) {
    warnings.push(
      `listening on ${config.server.host}: other machines can reach this daemon, and it does not authenticate them`,
    );
  }
  return Object.freeze({
    config,
    origins,
    file: typeof file === "string" ? absolutePath(directory, file) : undefined,
    warnings,
  });
}
