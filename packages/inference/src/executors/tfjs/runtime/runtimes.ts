/** The names of runtimes, the preferred one first. */
export const tfjsRuntimes = ["tfjs-node-gpu", "tfjs-node", "wasm", "cpu"] as const;

/** A runtime by name. */
export type TfjsRuntimeName = (typeof tfjsRuntimes)[number];

/** How TensorFlow.js computes: the packages to load, the last of which has the namespace, and the name of its backend. */
export interface TfjsRuntimeKind {
  readonly packages: readonly string[];
  readonly backend: string;
  readonly computes: string;
  /** Whether products are faster with a weight as it is stored, `(out, in)`. */
  readonly isFasterTransposed: boolean;
  /** The most memory of all its tensors, where there is a limit. */
  readonly limitBytes?: number;
}

/** What WebAssembly addresses. */
const wasmLimitBytes = 2 ** 32 - 2 ** 16;

/** The runtimes by name. */
export const tfjsRuntimeKinds: Readonly<Record<TfjsRuntimeName, TfjsRuntimeKind>> = {
  "tfjs-node-gpu": {
    packages: ["@tensorflow/tfjs-node-gpu"],
    backend: "tensorflow",
    computes: "TensorFlow's library for GPUs",
    isFasterTransposed: false,
  },
  "tfjs-node": {
    packages: ["@tensorflow/tfjs-node"],
    backend: "tensorflow",
    computes: "TensorFlow's library on CPU",
    isFasterTransposed: false,
  },
  wasm: {
    packages: ["@tensorflow/tfjs-backend-wasm", "@tensorflow/tfjs-core"],
    backend: "wasm",
    computes: "WebAssembly on CPU, 1 thread",
    isFasterTransposed: false,
    limitBytes: wasmLimitBytes,
  },
  cpu: {
    packages: ["@tensorflow/tfjs-backend-cpu", "@tensorflow/tfjs-core"],
    backend: "cpu",
    computes: "JavaScript on CPU, 1 thread",
    isFasterTransposed: true,
  },
};

/** A runtime, or the first one that is installed. */
export type TfjsRuntimePreference = "auto" | TfjsRuntimeName;
