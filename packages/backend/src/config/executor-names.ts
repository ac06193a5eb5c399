/** The executors that run models, and the ways in which each calls its library. */
export const executorRuntimes = {
  onnx: ["ffi", "binding"],
  tfjs: ["tfjs-node-gpu", "tfjs-node", "wasm", "cpu"],
  cuda: ["driver"],
} as const;

/** The name of an executor. */
export type ExecutorName = keyof typeof executorRuntimes;

/** Whether a text names an executor. */
export function isExecutorName(name: string): name is ExecutorName {
  return Object.hasOwn(executorRuntimes, name);
}

/** An executor, or the one that suits the machine. */
export type ExecutorPreference = ExecutorName | "auto";

/** A way to call the library of an executor, or the first one that works. */
export type RuntimePreference = (typeof executorRuntimes)[ExecutorName][number] | "auto";

/** The executor that calls its library in a way. */
export function executorOfRuntime(
  runtime: (typeof executorRuntimes)[ExecutorName][number],
): ExecutorName | undefined {
  const names = Object.keys(executorRuntimes).filter(isExecutorName);
  return names.find((name) => (executorRuntimes[name] as readonly string[]).includes(runtime));
}

/** The executor that is named, by itself or by one of its runtimes; `undefined`: the one that suits the machine. */
export function namedExecutor({
  executor,
  runtime,
}: {
  readonly executor: ExecutorPreference;
  readonly runtime: RuntimePreference;
}): ExecutorName | undefined {
  if (executor !== "auto") return executor;
  return runtime === "auto" ? undefined : executorOfRuntime(runtime);
}

/** The values of the setting of executors. */
export const executorPreferences: readonly [ExecutorPreference, ...ExecutorPreference[]] = [
  "auto",
  "onnx",
  "tfjs",
  "cuda",
];

/** The values of the setting of runtimes. */
export const runtimePreferences: readonly [RuntimePreference, ...RuntimePreference[]] = [
  "auto",
  ...executorRuntimes.onnx,
  ...executorRuntimes.tfjs,
  ...executorRuntimes.cuda,
];
