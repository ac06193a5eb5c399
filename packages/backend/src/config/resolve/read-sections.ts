import { isRecord } from "../../is-record.ts";
import { describeValue } from "../../text/describe-value.ts";
import { nearestName } from "../../text/nearest-name.ts";
import type { BaseDirectory } from "./base-directory.ts";
import type { ConfigOrigin } from "../config.ts";
import type { ConfigValue, ModelReading, SourceReading } from "./config-values.ts";
import { expectedModelId, isModelId, maxModels } from "../model-id.ts";
import { modelEntrySettings, settings } from "../settings.ts";

/** A source that has sections: a file, or a program's overrides. */
export interface SectionSource {
  readonly origin: ConfigOrigin;
  readonly baseDirectory: BaseDirectory;
  /** Follows the place of a value in errors, such as ` in infernode.config.yaml`. */
  readonly suffix: string;
}

/** An object of known keys, which may have objects of known keys in it. */
interface KeyTree {
  /** Paths of the values, such as `engine.threads`. */
  readonly paths: readonly string[];
  /** Stands before a path in errors, such as `models.qwen.`. */
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
}

const sectionPaths = settings.map(({ path }) => path);
const entryPaths = [...modelEntrySettings.keys()];

/** Reads an object of sections, and the map `models` among them. */
export function readSections(root: unknown, source: SectionSource): SourceReading {
  const { suffix, origin, baseDirectory } = source;
  const problems: string[] = [];
  const refuse = (path: string, expected: string, got: unknown): void => {
    problems.push(`${path}${suffix}: expected ${expected}, got ${describeValue(got)}`);
  };
  const readTree = ({ paths, name, body }: KeyTree, parent = ""): Map<string, ConfigValue> => {
    const values = new Map<string, ConfigValue>();
    const keys = paths
      .filter((path) => path.startsWith(parent))
      .map((path) => path.slice(parent.length).split(".")[0] ?? "");
    for (const [key, value] of Object.entries(body)) {
      const path = parent + key;
      if (value === undefined) continue;
      if (paths.includes(path)) {
        values.set(path, { value, origin, baseDirectory, where: `${name}${path}${suffix}` });
      } else if (!keys.includes(key)) {
        problems.push(unknownKey(name + parent, key, { keys: [...new Set(keys)], suffix }));
      } else if (isRecord(value ?? {})) {
        const inner = readTree({ paths, name, body: isRecord(value) ? value : {} }, `${path}.`);
        for (const [innerPath, each] of inner) values.set(innerPath, each);
      } else {
        refuse(name + path, "an object", value);
      }
    }
    return values;
  };
  const readModels = (map: unknown): readonly ModelReading[] => {
    const entries = isRecord(map) ? Object.entries(map) : [];
    if (entries.length === 0 || entries.length > maxModels) {
      const got = isRecord(map) ? `${entries.length} entries` : describeValue(map);
      problems.push(`models${suffix}: expected an object with 1 to ${maxModels} models by id, got ${got}`);
      return [];
    }
    return entries.map(([id, body]) => {
      const place = `models.${id}`;
      const isEntry = isRecord(body ?? {});
      if (!isModelId(id)) refuse("a key of models", expectedModelId, id);
      else if (!isEntry) refuse(place, "an object such as { path: ./directory }", body);
      const values = readTree({ paths: entryPaths, name: `${place}.`, body: isRecord(body) ? body : {} });
      if (isEntry && !values.has("path")) {
        refuse(`${place}.path`, modelEntrySettings.get("path")?.kind.expected ?? "", undefined);
      }
      return { id, values, where: place + suffix };
    });
  };
  if (!isRecord(root)) {
    refuse("configuration", "an object of sections", root);
    return { values: new Map(), problems, warnings: [] };
  }
  const { models: map, $schema: _, ...sections } = root;
  const hasModels = "models" in root && map !== undefined;
  const models = hasModels ? readModels(map) : undefined;
  const values = readTree({ paths: [...sectionPaths, "models"], name: "", body: sections });
  const single = [...values].find(([path]) => path.startsWith("model."))?.[1];
  if (hasModels && single !== undefined) {
    problems.push(`${single.where}: expected either model or models, got both`);
  }
  return { values, models, problems, warnings: [] };
}

function unknownKey(
  parent: string,
  key: string,
  { keys, suffix }: { readonly keys: readonly string[]; readonly suffix: string },
): string {
  const kind = parent === "" ? "section" : "key";
  const nearest = nearestName(key, keys);
  const hint = nearest === undefined ? `known are ${keys.join(", ")}` : `did you mean ${parent}${nearest}?`;
  return `unknown ${kind} ${parent}${key}${suffix}; ${hint}`;
}
