import { embeddedModelDirectory } from "@infernode/models/names";
import type { ModelConfig } from "../config.ts";
import type { ResolvedConfig } from "./resolve-config.ts";
import { modelEntrySettings, modelNameSetting, settings } from "../settings.ts";

/** A model's value by its key in the map `models`. */
function valueOf(model: ModelConfig, key: string): unknown {
  if (key === "path") return model.directory === embeddedModelDirectory() ? "embedded" : model.directory;
  const values: Readonly<Record<string, unknown>> = { ...model, ...withPrefix("engine.", model.engine) };
  return values[key];
}

function withPrefix(prefix: string, values: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [prefix + key, value]));
}

/**
 * Writes the configuration as YAML that can be saved as a file, each line with the origin of its value. The model of
 * the section `model` is written there, others as the map `models`.
 */
export async function formatConfig({ config, origins }: ResolvedConfig): Promise<string> {
  const { stringify } = await import("yaml");
  const toYaml = (value: unknown): string =>
    stringify(value, { collectionStyle: "flow", lineWidth: 0 }).trim();
  const rows: { readonly text: string; readonly comment: string | undefined }[] = [];
  const head = (text: string): void => void rows.push({ text, comment: undefined });
  const write = (indent: string, key: string, parts: { readonly place: string; readonly value: unknown }) => {
    const { name, source } = origins[parts.place] ?? { source: "default", name: undefined };
    const text = parts.value === undefined ? `# ${key}:` : `${key}: ${toYaml(parts.value)}`;
    const note = parts.value === undefined ? ": decided at start" : "";
    rows.push({ text: indent + text, comment: (name ?? source) + note });
  };
  const { models, ...sections } = config;
  const [only] = models;
  const isSection = modelNameSetting.path in origins;
  const values = new Map(
    Object.entries(sections).flatMap(([section, body]) => Object.entries(withPrefix(`${section}.`, body))),
  );
  if (isSection && only !== undefined) {
    values.set(modelNameSetting.path, only.id);
    for (const [key, { path }] of modelEntrySettings) values.set(path, valueOf(only, key));
  }
  const writeModels = (): void => {
    head("models:");
    for (const model of models) {
      head(`  ${toYaml(model.id)}:`);
      let open = "";
      for (const key of modelEntrySettings.keys()) {
        const [section = "", inner] = key.split(".");
        if (inner !== undefined && section !== open) head(`    ${section}:`);
        open = section;
        const place = `models.${model.id}.${key}`;
        write(inner === undefined ? "    " : "      ", inner ?? key, { place, value: valueOf(model, key) });
      }
    }
  };
  let open = "";
  for (const { path } of settings) {
    const [section = "", key = ""] = path.split(".");
    const isReplaced = section === "model" && !isSection;
    if (section !== open && isReplaced) writeModels();
    else if (section !== open) head(`${section}:`);
    open = section;
    if (!isReplaced) write("  ", key, { place: path, value: values.get(path) });
  }
  const width = Math.max(...rows.map((row) => row.text.length));
  return rows
    .map(({ text, comment }) => (comment === undefined ? text : `${text.padEnd(width)}  # ${comment}`))
    .join("\n");
}
