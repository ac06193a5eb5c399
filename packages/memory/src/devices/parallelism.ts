import { invalidArgument } from "../assert-argument.ts";
import { MemoryError } from "../errors.ts";

/** How a model is distributed over devices. Every size is 1 or more. */
export interface Parallelism {
  readonly tensor: number;
  readonly pipeline: number;
  readonly data: number;
  /** Devices that share a prompt, in addition to the tensor-parallel ones. */
  readonly context: number;
  /** Shards of the KV cache among tensor-parallel devices while decoding; needs no additional device. */
  readonly decodeContext: number;
}

export interface WorldSize extends Parallelism {
  /** Devices of one replica: tensor × pipeline × context. */
  readonly replicaSize: number;
  /** Devices of all replicas: replica × data. */
  readonly worldSize: number;
}

/** Names that engines use for one size, in kebab case; snake case, camel case and leading dashes work too. */
const aliases: Readonly<Record<keyof Parallelism, readonly string[]>> = {
  tensor: [
    "tensor",
    "tp",
    "tp-size",
    "tensor-parallel",
    "tensor-parallel-size",
    "tensor-model-parallel-size",
  ],
  pipeline: [
    "pipeline",
    "pp",
    "pp-size",
    "pipeline-parallel",
    "pipeline-parallel-size",
    "pipeline-model-parallel-size",
  ],
  data: ["data", "dp", "dp-size", "data-parallel", "data-parallel-size"],
  context: [
    "context",
    "cp",
    "cp-size",
    "context-parallel",
    "context-parallel-size",
    "pcp",
    "pcp-size",
    "prefill-context-parallel-size",
  ],
  decodeContext: [
    "decode-context",
    "dcp",
    "dcp-size",
    "decode-context-parallel",
    "decode-context-parallel-size",
  ],
};

const dimensions = Object.keys(aliases) as readonly (keyof Parallelism)[];

function normalizeName(name: string): string {
  return name
    .replace(/^-+/, "")
    .replaceAll(/([a-z])([A-Z])/g, "$1-$2")
    .replaceAll("_", "-")
    .toLowerCase();
}

function parseSize(name: string, value: unknown): number {
  const size = typeof value === "string" && /^\d+$/.test(value.trim()) ? Number(value) : value;
  if (typeof size === "number" && Number.isSafeInteger(size) && size >= 1) return size;
  throw invalidArgument(name, "an integer of 1 or more", value);
}

/**
 * Finds the parallel sizes among the parameters of an engine, under any of their names. Ignores other
 * parameters, and those that are undefined or null.
 * @throws MemoryError `PARALLELISM_CONFLICT` for two names of one size with different values, `INVALID_ARGUMENT`
 */
export function resolveParallelism(parameters: Readonly<Record<string, unknown>>): Parallelism {
  const found = new Map<keyof Parallelism, { name: string; size: number }>();
  for (const [name, value] of Object.entries(parameters)) {
    const normalized = normalizeName(name);
    const dimension = dimensions.find((each) => aliases[each].includes(normalized));
    if (dimension === undefined || value === undefined || value === null) continue;
    const size = parseSize(name, value);
    const earlier = found.get(dimension);
    if (earlier !== undefined && earlier.size !== size) {
      throw new MemoryError(
        "PARALLELISM_CONFLICT",
        `${earlier.name} and ${name}: expected one ${dimension}-parallel size, got ${earlier.size} and ${size}`,
      );
    }
    found.set(dimension, { name, size });
  }
  const sizeOf = (dimension: keyof Parallelism): number => found.get(dimension)?.size ?? 1;
  return {
    tensor: sizeOf("tensor"),
    pipeline: sizeOf("pipeline"),
    data: sizeOf("data"),
    context: sizeOf("context"),
    decodeContext: sizeOf("decodeContext"),
  };
}

/**
 * Computes how many devices the parameters of an engine require: `{ "tp-size": 4, pp: 2 }` → 8.
 * @throws MemoryError `PARALLELISM_CONFLICT` also for a decode-context size that does not divide the
 * tensor-parallel one, whose devices it shares; `INVALID_ARGUMENT`
 */
export function computeWorldSize(parameters: Readonly<Record<string, unknown>>): WorldSize {
  const parallelism = resolveParallelism(parameters);
  const { tensor, pipeline, data, context, decodeContext } = parallelism;
  if (tensor % decodeContext !== 0) {
    throw new MemoryError(
      "PARALLELISM_CONFLICT",
      `expected a decode-context size that divides the tensor-parallel size ${tensor}, got ${decodeContext}`,
    );
  }
  const replicaSize = tensor * pipeline * context;
  return { ...parallelism, replicaSize, worldSize: replicaSize * data };
}
