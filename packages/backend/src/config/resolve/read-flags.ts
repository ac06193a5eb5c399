import { isAbsolute } from "node:path";
import type { BaseDirectory } from "./base-directory.ts";
import type { ConfigValue, ModelReading, SourceReading } from "./config-values.ts";
import { expectedModelId, isModelId, maxModels } from "../model-id.ts";
import { settings } from "../settings.ts";

/** Texts by flag name without the dashes; `model` may have several. */
export type FlagTexts = Readonly<Record<string, string | readonly string[]>>;

const modelPath = "model.path";

/**
 * Splits `id=directory`. The text before the first `=` is an id unless it begins like a path: with a dot, or as an
 * absolute one does. So `./a=b` is a directory.
 */
function splitModelFlag(text: string): { readonly id: string | undefined; readonly directory: string } {
  const position = text.indexOf("=");
  if (position === -1 || text.startsWith(".") || isAbsolute(text)) return { id: undefined, directory: text };
  return { id: text.slice(0, position), directory: text.slice(position + 1) };
}

/** Reads the flags of the command line. One plain `--model` sets `model.path`; others are a map of models. */
export function readFlags(flags: FlagTexts, baseDirectory: BaseDirectory): SourceReading {
  const values = new Map<string, ConfigValue>();
  const problems: string[] = [];
  let models: readonly ModelReading[] | undefined;
  for (const [flag, given] of Object.entries(flags)) {
    const texts = typeof given === "string" ? [given] : given;
    const setting = settings.find((each) => each.flag === flag);
    const origin = { source: "flag", name: `--${flag}` } as const;
    const read = (text: string, value: unknown): ConfigValue => {
      return { value, origin, where: `--${flag} ${text}`, baseDirectory };
    };
    if (setting === undefined) {
      problems.push(`unknown flag --${flag}`);
    } else if (setting.path === modelPath && (texts.length > 1 || texts.some(hasId))) {
      models = texts.map((text) => {
        const { id, directory } = splitModelFlag(text);
        const value = read(text, directory);
        if (id !== undefined && !isModelId(id)) {
          problems.push(
            `${value.where}: expected ${expectedModelId} before "="; a directory is written ./${text}`,
          );
        }
        return { id, values: new Map([["path", value]]), where: value.where };
      });
      if (texts.length > maxModels) {
        problems.push(`--${flag}: expected at most ${maxModels} models, got ${texts.length}`);
      }
    } else if (setting.isRepeatable === true && setting.path !== modelPath) {
      const text = texts.join(",");
      values.set(setting.path, read(text, setting.kind.fromText(text)));
    } else {
      for (const text of texts) values.set(setting.path, read(text, setting.kind.fromText(text)));
    }
  }
  return { values, models, problems, warnings: [] };
}

function hasId(text: string): boolean {
  return splitModelFlag(text).id !== undefined;
}
