import { access, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BackendError } from "../errors.ts";
import { isRecord } from "../is-record.ts";
import type { ConfigValue, SourceReading } from "./config-values.ts";
import { nearestName } from "../text/nearest-name.ts";
import { parseConfigText } from "./parse-config-text.ts";
import { settings } from "./settings.ts";

const defaultNames = ["infernode.config.json", "infernode.config.yaml", "infernode.config.yml"];

/** Finds the configuration file of a directory, where there is one. */
export async function findConfigFile(directory: string): Promise<string | undefined> {
  const paths = defaultNames.map((name) => join(directory, name));
  const present = await Promise.all(
    paths.map((path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  const found = paths.filter((_, index) => present[index] === true);
  if (found.length > 1) {
    throw new BackendError(
      "INVALID_CONFIG",
      `wanted one configuration file, found ${found.length}: ${found.join(", ")}`,
    );
  }
  return found[0];
}

const unreadable: Readonly<Record<string, string>> = {
  ENOENT: "nothing is there",
  EISDIR: "it is a directory",
  EACCES: "this user may not read it",
};

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const { code = "", message } = cause as NodeJS.ErrnoException;
    const reason = unreadable[code] ?? message;
    throw new BackendError("INVALID_CONFIG", `cannot read the configuration file ${path}: ${reason}`, {
      cause,
    });
  }
}

function didYouMean(name: string, candidates: readonly string[]): string {
  const nearest = nearestName(name, candidates);
  return nearest === undefined ? `; known are ${candidates.join(", ")}` : `; did you mean ${nearest}?`;
}

/**
 * Reads a configuration file, JSON or YAML by its ending; the path is absolute.
 * @throws BackendError `INVALID_CONFIG` when it cannot be read or parsed
 */
export async function readConfigFile(path: string): Promise<SourceReading> {
  const content = parseConfigText(await readText(path), path);
  const values = new Map<string, ConfigValue>();
  const problems: string[] = [];
  const origin = { source: "file", name: path } as const;
  const baseDirectory = dirname(path);
  const sections = [...new Set(settings.map((setting) => setting.path.split(".")[0] ?? ""))];
  // An empty YAML file is null.
  const root = content ?? {};
  if (!isRecord(root)) {
    return {
      values,
      problems: [`${path}: wanted an object of sections, found another kind of value`],
      warnings: [],
    };
  }
  for (const [section, body] of Object.entries(root)) {
    if (section === "$schema") continue;
    if (!sections.includes(section)) {
      problems.push(`unknown section ${section} in ${path}${didYouMean(section, sections)}`);
      continue;
    }
    if (!isRecord(body ?? {})) {
      problems.push(`${section} in ${path}: wanted an object, found ${JSON.stringify(body)}`);
      continue;
    }
    const keys = settings
      .filter((setting) => setting.path.startsWith(`${section}.`))
      .map((setting) => setting.path.slice(section.length + 1));
    for (const [key, value] of Object.entries(body ?? {})) {
      if (!keys.includes(key)) {
        problems.push(`unknown key ${section}.${key} in ${path}${didYouMean(key, keys)}`);
        continue;
      }
      const where = `${section}.${key} in ${path}`;
      values.set(`${section}.${key}`, { value, origin, where, baseDirectory });
    }
  }
  return { values, problems, warnings: [] };
}
