import { stringify } from "yaml";
import type { ConfigOrigin } from "./config.ts";
import type { ResolvedConfig } from "./resolve-config.ts";
import { settings } from "./settings.ts";

function describeOrigin(origin: ConfigOrigin | undefined): string {
  return origin?.name ?? origin?.source ?? "default";
}

/** Writes the configuration as YAML that can be saved as a file, each line with the origin of its value. */
export function formatConfig(resolved: ResolvedConfig): string {
  const { models: _, ...sections } = resolved.config;
  const rows: { readonly text: string; readonly comment: string | undefined }[] = [];
  for (const [section, settingsOfSection] of Object.entries(sections)) {
    const body: Readonly<Record<string, unknown>> = { ...settingsOfSection };
    rows.push({ text: `${section}:`, comment: undefined });
    for (const { path } of settings.filter((setting) => setting.path.startsWith(`${section}.`))) {
      const key = path.slice(section.length + 1);
      const value = body[key];
      const origin = describeOrigin(resolved.origins[path]);
      if (value === undefined) {
        rows.push({ text: `  # ${key}:`, comment: `${origin}: decided at start` });
      } else {
        const text = stringify(value, { collectionStyle: "flow", lineWidth: 0 }).trim();
        rows.push({ text: `  ${key}: ${text}`, comment: origin });
      }
    }
  }
  const width = Math.max(...rows.map((row) => row.text.length));
  return rows
    .map(({ text, comment }) => (comment === undefined ? text : `${text.padEnd(width)}  # ${comment}`))
    .join("\n");
}
