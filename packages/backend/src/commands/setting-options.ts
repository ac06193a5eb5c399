import { type Command, Option } from "commander";
import type { ResolveConfigOptions } from "../config/resolve/resolve-config.ts";
import type { Setting } from "../config/setting.ts";
import { settings } from "../config/settings.ts";

function describe(setting: Setting): string {
  const { default: value, description } = setting;
  const isPlain = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  return isPlain ? `${description} (default: ${value})` : description;
}

/** Adds `--config` and a flag for each setting that passes the filter. */
export function addSettingOptions(command: Command, filter: (setting: Setting) => boolean): Command {
  command.addOption(
    new Option(
      "--config <file>",
      "configuration file (default: infernode.config.json or .yaml in the working directory)",
    ),
  );
  for (const setting of settings.filter(filter)) {
    const option = new Option(`--${setting.flag} ${setting.kind.argument}`, describe(setting));
    command.addOption(setting.isRepeatable === true ? option.argParser(collect) : option);
  }
  return command;
}

function collect(text: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, text];
}

function toOptionName(flag: string): string {
  return flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Turns the options that commander parsed into flags for `resolveConfig`. */
export function readConfigSources(
  values: Readonly<Record<string, unknown>>,
): Pick<ResolveConfigOptions, "flags" | "file"> {
  const flags: Record<string, string | readonly string[]> = {};
  for (const { flag } of settings) {
    const value = values[toOptionName(flag)];
    if (typeof value === "string") flags[flag] = value;
    else if (value === true) flags[flag] = "true";
    else if (Array.isArray(value)) flags[flag] = value.map(String);
  }
  const file = values["config"];
  return typeof file === "string" ? { flags, file } : { flags };
}
