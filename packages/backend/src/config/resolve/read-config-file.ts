import { access, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BackendError } from "../../errors.ts";
import type { SourceReading } from "./config-values.ts";
import { parseConfigText } from "./parse-config-text.ts";
import { readSections } from "./read-sections.ts";

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
      `expected one configuration file, got ${found.length}: ${found.join(", ")}`,
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

/**
 * Reads a configuration file, JSON or YAML by its ending; the path is absolute.
 * @throws BackendError `INVALID_CONFIG` when it cannot be read or parsed
 */
export async function readConfigFile(path: string): Promise<SourceReading> {
  // An empty YAML file is null.
  const content = (await parseConfigText(await readText(path), path)) ?? {};
  const origin = { source: "file", name: path } as const;
  return readSections(content, { origin, baseDirectory: dirname(path), suffix: ` in ${path}` });
}
