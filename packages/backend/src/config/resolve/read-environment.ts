import type { BaseDirectory } from "./base-directory.ts";
import type { ConfigValue, SourceReading } from "./config-values.ts";
import { nearestName } from "../../text/nearest-name.ts";
import { variableOf } from "../setting.ts";
import { settings } from "../settings.ts";

/** Variables that are read, but are not settings. */
const otherVariables = ["INFERNODE_CONFIG", "INFERNODE_SECRET_KEY", "INFERNODE_SECRET_KEY_FILE"];

// Kubernetes sets these in every pod if there is a service named "infernode".
const serviceLinkName = /^INFERNODE_(SERVICE_(HOST|PORT)(_.+)?|PORT_\d+_(TCP|UDP)(_.+)?)$/;
const serviceLinkValue = /^(tcp|udp):\/\//;

/** Reads the `INFERNODE_*` variables; an unknown one is a problem. */
export function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  directory: BaseDirectory,
): SourceReading {
  const values = new Map<string, ConfigValue>();
  const problems: string[] = [];
  const warnings: string[] = [];
  const byVariable = new Map(
    settings.flatMap((setting) =>
      [variableOf(setting.path), setting.shortVariable]
        .filter((variable) => variable !== undefined)
        .map((variable) => [variable, setting] as const),
    ),
  );
  for (const [variable, text] of Object.entries(environment).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!variable.startsWith("INFERNODE_") || text === undefined) continue;
    if (otherVariables.includes(variable) || serviceLinkName.test(variable)) continue;
    const setting = byVariable.get(variable);
    if (setting === undefined) {
      const nearest = nearestName(variable, [...byVariable.keys(), ...otherVariables]);
      problems.push(
        `unknown variable ${variable}${nearest === undefined ? "" : `; did you mean ${nearest}?`}`,
      );
      continue;
    }
    if (variable === "INFERNODE_PORT" && serviceLinkValue.test(text)) {
      warnings.push(`${variable}=${text} was set by Kubernetes for a service and is not used as the port`);
      continue;
    }
    const earlier = values.get(setting.path);
    const value = setting.kind.fromText(text);
    if (earlier !== undefined && JSON.stringify(earlier.value) !== JSON.stringify(value)) {
      problems.push(`${earlier.where} and ${variable}="${text}" set ${setting.path} to different values`);
      continue;
    }
    values.set(setting.path, {
      value,
      origin: { source: "environment", name: variable },
      where: `${variable}="${text}"`,
      baseDirectory: directory,
    });
  }
  return { values, problems, warnings };
}
