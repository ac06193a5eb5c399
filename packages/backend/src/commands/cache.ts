import { formatBytes } from "@infernode/memory";
import { listCachedWeights, removeCachedWeights, type CachedWeights } from "@infernode/models";
import { resolveConfig } from "../config/resolve-config.ts";
import { BackendError } from "../errors.ts";
import { exitCodes } from "../exit-codes.ts";
import { defaultCacheDirectory } from "../models/engine/cache-directory.ts";
import type { CommandContext, CommandRunner } from "./command-context.ts";
import { readConfigSources } from "./setting-options.ts";
import { writeOutput } from "./standard-streams.ts";
import { formatRows, toPrintable } from "./terminal-text.ts";

type Values = Parameters<CommandRunner>[0];

async function directoryOf(values: Values, context: CommandContext): Promise<string> {
  const { config } = await resolveConfig({
    ...readConfigSources(values),
    environment: context.environment,
    directory: context.directory,
  });
  return config.engine.cacheDirectory ?? defaultCacheDirectory(context.environment);
}

function describe({
  key,
  sizeBytes,
  usedAtMs,
  quantization,
  preparedFor,
  source,
}: CachedWeights): readonly [string, string] {
  const used = new Date(usedAtMs).toISOString().slice(0, 16).replace("T", " ");
  return [
    key,
    [
      `${formatBytes(sizeBytes)}, ${quantization ?? "unknown"}`,
      ...(preparedFor === undefined ? [] : [`prepared for ${preparedFor}`]),
      `last used ${used}, from ${source ?? "unknown"}`,
    ].join(", "),
  ];
}

/** Prints the directory of quantized weights. */
export const cachePath: CommandRunner = async (values, context) => {
  await writeOutput(context.stdout, `${await directoryOf(values, context)}\n`);
  return exitCodes.success;
};

/** Lists the quantized weights that are kept, the most recently used first. */
export const cacheList: CommandRunner = async (values, context) => {
  const cached = await listCachedWeights(await directoryOf(values, context));
  const text =
    values["json"] === true
      ? JSON.stringify(cached, undefined, 2)
      : cached.length === 0
        ? "no quantized weights"
        : toPrintable(formatRows(cached.map(describe), context.stdout.columns));
  await writeOutput(context.stdout, `${text}\n`);
  return exitCodes.success;
};

/** Removes quantized weights by the start of their key, or all of them. */
export const cacheRemove: CommandRunner = async (values, context) => {
  const keys = Array.isArray(values["arguments"]) ? values["arguments"].map(String) : [];
  const cached = await listCachedWeights(await directoryOf(values, context));
  if (keys.length === 0 && values["all"] !== true) {
    throw new BackendError("INVALID_CONFIG", "expected a key of infernode cache ls, or --all, got neither");
  }
  const removed = values["all"] === true ? cached : keys.map((key) => find(cached, key));
  for (const each of removed) await removeCachedWeights(each);
  const bytes = removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  await writeOutput(context.stdout, `removed ${removed.length}, ${formatBytes(bytes)}\n`);
  return exitCodes.success;
};

function find(cached: readonly CachedWeights[], key: string): CachedWeights {
  const found = cached.filter((each) => each.key.startsWith(key));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const got = found.length === 0 ? "none" : `${found.length}`;
  throw new BackendError(
    "INVALID_CONFIG",
    `expected one key that starts with ${JSON.stringify(key)}, got ${got}`,
  );
}
