import type { BaseDirectory } from "./base-directory.ts";
import type { ConfigOrigin } from "./config.ts";

/** A value on its way into the configuration, with the words that an error about it starts with. */
export interface ConfigValue {
  readonly value: unknown;
  readonly origin: ConfigOrigin;
  /** Such as `INFERNODE_PORT="abc"` or `server.port in infernode.config.json`. */
  readonly where: string;
  /** What a relative path counts from. */
  readonly baseDirectory: BaseDirectory;
}

/** Values by setting path, of one source. */
export type ConfigValues = ReadonlyMap<string, ConfigValue>;

/** What a source says, and what is wrong with it; all problems are told at once. */
export interface SourceReading {
  readonly values: ConfigValues;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}
