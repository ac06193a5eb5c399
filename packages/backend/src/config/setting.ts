import type { SettingKind } from "./setting-kinds.ts";

/** One setting, stated once: its place in the file, its flag and its variable all come from here. */
export interface Setting {
  /** `section.key` in the configuration file. */
  readonly path: string;
  readonly kind: SettingKind;
  /** `undefined`: decided at start, from the model or the machine. */
  readonly default: unknown;
  readonly flag: string;
  readonly description: string;
  /** A short name besides `INFERNODE_SECTION__KEY`. */
  readonly shortVariable?: string;
  /** A relative path counts from the file that names it, else from the working directory. */
  readonly isPath?: boolean;
  /** The flag may be given several times. */
  readonly isRepeatable?: boolean;
  /** In the section it holds for all models together, so it does not replace what a model's own entry sets. */
  readonly isTotal?: boolean;
}

/** `engine.maxSequences` → `INFERNODE_ENGINE__MAX_SEQUENCES`. */
export function variableOf(path: string): string {
  const snake = path
    .split(".")
    .map((part) => part.replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2").toUpperCase())
    .join("__");
  return `INFERNODE_${snake}`;
}
