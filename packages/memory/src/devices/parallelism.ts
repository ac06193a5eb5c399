import { MemoryError } from "../errors.ts";

/** How a model is spread over devices. Every size is 1 or more. */
export interface Parallelism {
  readonly tensor: number;
  readonly pipeline: number;
  readonly data: number;
  /** Devices among which a prompt is cut, beside the tensor-parallel ones. */
  readonly context: number;
  /** Shares of the cache among tensor-parallel devices while decoding; takes no device of its own. */
  readonly decodeContext: number;
}

export interface WorldSize extends Parallelism {
  /** Devices of one replica: tensor × pipeline × context. */
  readonly replicaSize: number;
  /** Devices of all replicas: replica × data. */
  readonly worldSize: number;
}

/** Names that engines give to one size, in kebab case; snake and camel case and leading dashes are understood too. */
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
  throw new MemoryError(
    "INVALID_ARGUMENT",
    `${name} must be an integer of 1 or more, found ${String(value)}`,
  );
}

/**
 * Finds the parallel sizes among the parameters of an engine, under whatever name; other parameters are
 * left alone, and so are those that are undefined or null.
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
        `${earlier.name} and ${name} both say the ${dimension}-parallel size: found ${earlier.size} and ${size}`,
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
 * Computes how many devices the parameters of an engine ask for: `{ "tp-size": 4, pp: 2 }` → 8.
 * @throws MemoryError `PARALLELISM_CONFLICT` also for a decode-context size that does not divide the
 * tensor-parallel one, whose devices it shares; `INVALID_ARGUMENT`
 */
export function computeWorldSize(parameters: Readonly<Record<string, unknown>>): WorldSize {
  const parallelism = resolveParallelism(parameters);
  const { tensor, pipeline, data, context, decodeContext } = parallelism;
  if (tensor % decodeContext !== 0) {
    throw new MemoryError(
      "PARALLELISM_CONFLICT",
      `the decode-context size must divide the tensor-parallel size, found ${decodeContext} and ${tensor}`,
    );
  }
  const replicaSize = tensor * pipeline * context;
  return { ...parallelism, replicaSize, worldSize: replicaSize * data };
}
