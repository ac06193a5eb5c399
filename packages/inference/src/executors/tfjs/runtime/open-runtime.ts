import { createRequire } from "node:module";
import { InferenceError, reasonOf } from "../../../errors.ts";
import type { ExecutorWarning } from "../../executor-provider.ts";
import type { TensorFlow } from "./tensorflow.ts";
import {
  type TfjsRuntimeKind,
  tfjsRuntimeKinds,
  type TfjsRuntimeName,
  type TfjsRuntimePreference,
  tfjsRuntimes,
} from "./runtimes.ts";

/** Optional peers of this package; modules of CommonJS. */
const load = createRequire(import.meta.url);

/** TensorFlow.js with a backend that works. */
export interface TfjsRuntime {
  readonly tf: TensorFlow;
  readonly kind: Pick<TfjsRuntimeKind, "isFasterTransposed" | "limitBytes">;
  /** Library, version, what computes, and why no preferred runtime does. */
  readonly description: string;
  /** Has the next operations computed by this backend: it is chosen for the whole process. */
  activate(): void;
}

/** Why a runtime cannot be used. */
interface Obstacle {
  readonly isInstalled: boolean;
  readonly reason: string;
}

/**
 * Opens a runtime by name; with `auto` the first one that is installed. One that is installed and does not work is left
 * out with a warning.
 *
 * @throws InferenceError `EXECUTOR_UNAVAILABLE`
 */
export async function openTfjsRuntime(
  preference: TfjsRuntimePreference,
  onWarning: (warning: ExecutorWarning) => void = () => {},
): Promise<TfjsRuntime> {
  const names = preference === "auto" ? tfjsRuntimes : [preference];
  const obstacles: string[] = [];
  for (const name of names) {
    const found = await tryRuntime(name);
    if ("tf" in found) return describeRuntime(found.tf, name, obstacles);
    if (found.isInstalled && preference === "auto") {
      const message = `TensorFlow.js does not run as ${name}, which is installed: ${found.reason}`;
      onWarning({ code: "TFJS_RUNTIME_UNUSABLE", message });
    }
    obstacles.push(`${name}: ${found.reason}`);
  }
  const { packages } = tfjsRuntimeKinds[preference === "auto" ? "wasm" : preference];
  const hint = packages.every((name) => isInstalled(name)) ? "" : `; npm install ${packages.join(" ")}`;
  const message = `TensorFlow.js is not available as ${obstacles.join("; ")}${hint}`;
  throw new InferenceError("EXECUTOR_UNAVAILABLE", message);
}

/**
 * Uses a namespace that was loaded elsewhere, with the backend that it has.
 * @throws InferenceError `INVALID_EXECUTOR_OPTIONS` where it has none, or one that does not start
 */
export async function useTensorFlow(tf: TensorFlow): Promise<TfjsRuntime> {
  try {
    await tf.ready();
  } catch (error) {
    const expected = "TensorFlow.js with a backend that starts (@tensorflow/tfjs-backend-wasm or another)";
    const got = `none: ${reasonOf(error)}`;
    throw new InferenceError(
      "INVALID_EXECUTOR_OPTIONS",
      { field: "tensorflow", expected, got },
      { cause: error },
    );
  }
  const backend = tf.getBackend();
  const known = Object.values(tfjsRuntimeKinds).find((kind) => kind.backend === backend);
  return {
    tf,
    kind: known ?? { isFasterTransposed: false },
    description: `TensorFlow.js ${versionOf(tf)}, backend ${backend} of the caller`,
    activate: () => activate(tf, backend),
  };
}

async function tryRuntime(name: TfjsRuntimeName): Promise<{ readonly tf: TensorFlow } | Obstacle> {
  const { packages, backend } = tfjsRuntimeKinds[name];
  let tf: TensorFlow | undefined;
  for (const each of packages) {
    if (!isInstalled(each)) return { isInstalled: false, reason: `${each} is not installed` };
    try {
      tf = load(each) as TensorFlow;
    } catch (error) {
      return { isInstalled: true, reason: reasonOf(error) };
    }
  }
  if (tf === undefined) return { isInstalled: false, reason: "it has no packages" };
  try {
    if (!(await start(tf, backend))) throw new Error(`the backend ${backend} did not start`);
    return { tf };
  } catch (error) {
    return { isInstalled: true, reason: reasonOf(error) };
  }
}

/** Of the process, as the backend of TensorFlow.js is: one that starts beside another would become the other. */
let starting: Promise<boolean> = Promise.resolve(true);

function start(tf: TensorFlow, backend: string): Promise<boolean> {
  starting = starting
    .catch(() => false)
    .then(async () => {
      const isStarted = await tf.setBackend(backend);
      if (!isStarted) return false;
      // A running executor may have chosen its own meanwhile; this takes effect at once.
      void tf.setBackend(backend);
      skipGreeting(tf);
      return true;
    });
  return starting;
}

function isInstalled(name: string): boolean {
  try {
    load.resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** The first tensor of the backend in JavaScript prints an advertisement, unless it is told that this is production. */
function skipGreeting(tf: TensorFlow): void {
  const before = tf.env().get("PROD") === true;
  tf.env().set("PROD", true);
  tf.tensor(new Float32Array(1), [1]).dispose();
  tf.env().set("PROD", before);
}

function describeRuntime(tf: TensorFlow, name: TfjsRuntimeName, obstacles: readonly string[]): TfjsRuntime {
  const kind = tfjsRuntimeKinds[name];
  const why = obstacles.length === 0 ? "" : `; not used: ${obstacles.join("; ")}`;
  return {
    tf,
    kind,
    description: `TensorFlow.js ${versionOf(tf)}, ${name}: ${kind.computes}${why}`,
    activate: () => activate(tf, kind.backend),
  };
}

function activate(tf: TensorFlow, backend: string): void {
  // It was used before, so it is the backend when the call returns.
  if (tf.getBackend() !== backend) void tf.setBackend(backend);
}

function versionOf({ version_core: version = "of an unknown version" }: TensorFlow): string {
  return version;
}
