import type { BaseDirectory } from "./base-directory.ts";
import type { ConfigOrigin } from "../config.ts";

/** A value of a source, before it is checked, with its place for error messages. */
export interface ConfigValue {
  readonly value: unknown;
  readonly origin: ConfigOrigin;
  /** Such as `INFERNODE_PORT="abc"` or `server.port in infernode.config.json`. */
  readonly where: string;
  /** What a relative path counts from. */
  readonly baseDirectory: BaseDirectory;
}

/** Values of one source by setting path, or by key where they are of an entry in the map `models`. */
export type ConfigValues = ReadonlyMap<string, ConfigValue>;

/** One of several models, as a source names it. */
export interface ModelReading {
  /** `undefined`: the name of its directory. */
  readonly id: string | undefined;
  readonly values: ConfigValues;
  /** Such as `models.qwen in infernode.config.yaml` or `--model ./qwen`. */
  readonly where: string;
}

/** The values of a source, and the problems with them; all problems are reported at once. */
export interface SourceReading {
  readonly values: ConfigValues;
  /** `undefined` where it has no map of models. */
  readonly models?: readonly ModelReading[] | undefined;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}
