import { type Command, Option } from "commander";
import type { ResolveConfigOptions } from "../config/resolve-config.ts";
import { settings, type Setting } from "../config/settings.ts";

function describe(setting: Setting): string {
  const { default: value, description } = setting;
  const isPlain = typeof value === "string" || typeof value === "number";
  return isPlain ? `${description} (default: ${value})` : description;
}

/** Adds the flags of the settings that the filter takes, and the flag of the configuration file. */
export function addSettingOptions(command: Command, filter: (setting: Setting) => boolean): Command {
  command.addOption(
    new Option("--config <file>", "configuration file (default: infernode.config.json or .yaml here)"),
  );
  for (const setting of settings.filter(filter)) {
    command.addOption(new Option(`--${setting.flag} ${setting.kind.argument}`, describe(setting)));
  }
  return command;
}

function attributeOf(flag: string): string {
  return flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Reads what commander parsed back into the texts that the configuration is resolved from. */
export function configSourcesOf(
  values: Readonly<Record<string, unknown>>,
): Pick<ResolveConfigOptions, "flags" | "file"> {
  const flags: Record<string, string> = {};
  for (const { flag } of settings) {
    const value = values[attributeOf(flag)];
    if (typeof value === "string") flags[flag] = value;
  }
  const file = values["config"];
  return typeof file === "string" ? { flags, file } : { flags };
}
