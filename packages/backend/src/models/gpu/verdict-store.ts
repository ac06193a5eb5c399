import { join } from "node:path";
import { isRecord } from "../../is-record.ts";
import { listSmallFiles, readSmallFile, type SmallFile, writeSmallFile } from "../cache/small-files.ts";
import { type GpuIdentity, keyOfGpu } from "./gpu-identity.ts";
import type { KernelVerdict, VerdictFailure } from "./kernel-verdict.ts";

const kind = { ending: ".gpu-check", maxFiles: 64 };
const maxBytes = 16 * 2 ** 10;

/** A check that is kept on disk. */
export type CachedVerdict = SmallFile & {
  readonly kind: "gpu-check";
  /** `undefined` for a file that cannot be read: its check is made again. */
  readonly verdict: KernelVerdict | undefined;
};

/** Reads what is known of a GPU; `undefined` for a file that is absent, broken or of another GPU. */
export async function readVerdict(
  directory: string,
  identity: GpuIdentity,
): Promise<KernelVerdict | undefined> {
  const key = keyOfGpu(identity);
  const verdict = await readFileOf(join(directory, `${key}${kind.ending}`));
  return verdict !== undefined && keyOfGpu(verdict.identity) === key ? verdict : undefined;
}

/** Keeps what is known of a GPU. @throws the error of the system */
export async function writeVerdict(directory: string, verdict: KernelVerdict): Promise<void> {
  await writeSmallFile(directory, { ...kind, key: keyOfGpu(verdict.identity) }, JSON.stringify(verdict));
}

/** Lists what is kept in a directory, the most recently written first; nothing where there is no directory. */
export async function listCachedVerdicts(directory: string): Promise<readonly CachedVerdict[]> {
  const files = await listSmallFiles(directory, kind);
  return Promise.all(
    files.map(async (file) => {
      const verdict = await readFileOf(file.path);
      return Object.assign({ kind: "gpu-check", verdict } as const, file);
    }),
  );
}

async function readFileOf(path: string): Promise<KernelVerdict | undefined> {
  try {
    const bytes = await readSmallFile(path, maxBytes);
    return bytes && parseVerdict(JSON.parse(bytes.toString("utf8")));
  } catch {
    return undefined;
  }
}

const identityNames = ["uuid", "name", "computeCapability", "driver", "cudaVersion", "kernels", "version"];

function parseVerdict(value: unknown): KernelVerdict | undefined {
  if (!isRecord(value) || !isIdentity(value["identity"])) return undefined;
  const { identity, checkedAtMs, kernelCount, failure } = value;
  if (!isDate(checkedAtMs) || !Number.isInteger(kernelCount)) return undefined;
  if (failure !== undefined && !isFailure(failure)) return undefined;
  return { identity, checkedAtMs, kernelCount: Number(kernelCount), failure };
}

function isIdentity(value: unknown): value is GpuIdentity {
  return isRecord(value) && identityNames.every((name) => typeof value[name] === "string");
}

function isDate(value: unknown): value is number {
  return typeof value === "number" && !Number.isNaN(new Date(value).getTime());
}

function isFailure(value: unknown): value is VerdictFailure {
  if (!isRecord(value) || typeof value["text"] !== "string") return false;
  return value["kind"] === "kernels-differ" || value["kind"] === "not-checked";
}
