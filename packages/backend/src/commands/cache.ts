import { rm } from "node:fs/promises";
import { formatBytes } from "@infernode/memory";
import { listCachedWeights, removeCachedWeights, type CachedWeights } from "@infernode/models";
import { resolveConfig } from "../config/resolve/resolve-config.ts";
import { BackendError } from "../errors.ts";
import { exitCodes } from "../exit-codes.ts";
import { defaultCacheDirectory } from "../models/cache/cache-directory.ts";
import { type CachedVerdict, listCachedVerdicts } from "../models/gpu/verdict-store.ts";
import { listCachedKvRanges, type CachedKvRanges } from "../models/engine/kv-range-source.ts";
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

/** A file of the cache. */
type CachedFile = CachedWeights | CachedKvRanges | CachedVerdict;

/** Weights first, the most recently used before others. */
async function listFiles(directory: string): Promise<readonly CachedFile[]> {
  return [
    ...(await listCachedWeights(directory)),
    ...(await listCachedKvRanges(directory)),
    ...(await listCachedVerdicts(directory)),
  ];
}

function describe(file: CachedFile): readonly [string, string] {
  const size = formatBytes(file.sizeBytes);
  if (file.kind === "kv-ranges") {
    return [file.key, `${size}, ranges for a KV cache of int8, written ${formatTime(file.writtenAtMs)}`];
  }
  if (file.kind === "gpu-check") return [file.key, `${size}, ${describeVerdict(file)}`];
  const { preparedFor, usedAtMs, source = "unknown", quantization = "unknown" } = file;
  const prepared = preparedFor === undefined ? "" : `, prepared for ${preparedFor}`;
  return [file.key, `${size}, ${quantization}${prepared}, last used ${formatTime(usedAtMs)}, from ${source}`];
}

function describeVerdict({ verdict, writtenAtMs }: CachedVerdict): string {
  if (verdict === undefined) {
    return `a check of a GPU that cannot be read, written ${formatTime(writtenAtMs)}`;
  }
  const { identity, kernelCount, failure, checkedAtMs } = verdict;
  const result = failure === undefined ? `all ${kernelCount} kernels give the stored values` : failure.text;
  return `check of ${identity.name} (${identity.uuid}, driver ${identity.driver}) at ${formatTime(checkedAtMs)}: ${result}`;
}

function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 16).replace("T", " ");
}

async function removeFile(file: CachedFile): Promise<void> {
  if (file.kind === "weights") await removeCachedWeights(file);
  else await rm(file.path, { force: true });
}

/** Prints the directory of quantized weights. */
export const cachePath: CommandRunner = async (values, context) => {
  await writeOutput(context.stdout, `${await directoryOf(values, context)}\n`);
  return exitCodes.success;
};

/** Lists what is kept. */
export const cacheList: CommandRunner = async (values, context) => {
  const cached = await listFiles(await directoryOf(values, context));
  const text =
    values["json"] === true
      ? JSON.stringify(cached, undefined, 2)
      : cached.length === 0
        ? "nothing is kept"
        : toPrintable(formatRows(cached.map(describe), context.stdout.columns));
  await writeOutput(context.stdout, `${text}\n`);
  return exitCodes.success;
};

/** Removes files by the start of their key, or all of them. */
export const cacheRemove: CommandRunner = async (values, context) => {
  const keys = Array.isArray(values["arguments"]) ? values["arguments"].map(String) : [];
  const cached = await listFiles(await directoryOf(values, context));
  if (keys.length === 0 && values["all"] !== true) {
    throw new BackendError("INVALID_CONFIG", "expected a key of infernode cache ls, or --all, got neither");
  }
  const removed = values["all"] === true ? cached : keys.map((key) => find(cached, key));
  for (const each of removed) await removeFile(each);
  const bytes = removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  await writeOutput(context.stdout, `removed ${removed.length}, ${formatBytes(bytes)}\n`);
  return exitCodes.success;
};

function find(cached: readonly CachedFile[], key: string): CachedFile {
  const found = cached.filter((each) => each.key.startsWith(key));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const got = found.length === 0 ? "none" : `${found.length}`;
  throw new BackendError(
    "INVALID_CONFIG",
    `expected one key that starts with ${JSON.stringify(key)}, got ${got}`,
  );
}
