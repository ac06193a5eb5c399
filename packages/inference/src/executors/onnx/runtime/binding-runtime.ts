import type { InferenceSession, Tensor } from "onnxruntime-node";
import { InferenceError, reasonOf } from "../../../errors.ts";
import { disableTelemetry } from "./disable-telemetry.ts";
import {
  type OnnxCall,
  type OnnxRuntime,
  type OnnxSession,
  type OnnxSessionOptions,
  sessionConfig,
  type TensorBuffer,
} from "./runtime.ts";

type Onnxruntime = typeof import("onnxruntime-node");

/** Opens onnxruntime through its Node binding, or returns why it cannot. */
export async function openBindingRuntime(): Promise<OnnxRuntime | { readonly reason: string }> {
  const refusal = await disableTelemetry();
  if (refusal !== undefined) return refusal;
  try {
    return new BindingRuntime(await import("onnxruntime-node"));
  } catch (error) {
    return { reason: `onnxruntime-node cannot be loaded: ${reasonOf(error)}` };
  }
}

class BindingRuntime implements OnnxRuntime {
  readonly path = "binding";
  readonly version: string;
  readonly #ort: Onnxruntime;

  constructor(ort: Onnxruntime) {
    this.#ort = ort;
    this.version = ort.env.versions.node ?? "of unknown version";
  }

  async createSession(model: Uint8Array, options: OnnxSessionOptions): Promise<OnnxSession> {
    try {
      const session = await this.#ort.InferenceSession.create(model, {
        executionProviders: ["cpu"],
        graphOptimizationLevel: "all",
        enableMemPattern: false,
        intraOpNumThreads: options.threadCount,
        logSeverityLevel: 4,
        ...(options.saveTo !== undefined && { optimizedModelFilePath: options.saveTo.modelPath }),
        extra: nest(sessionConfig(options)),
      });
      return new BindingSession(this.#ort, session);
    } catch (cause) {
      throw failure("load the model", cause);
    }
  }

  dispose(): void {
    // The binding keeps its environment until the process exits.
  }
}

class BindingSession implements OnnxSession {
  readonly #ort: Onnxruntime;
  readonly #session: InferenceSession;

  constructor(ort: Onnxruntime, session: InferenceSession) {
    this.#ort = ort;
    this.#session = session;
  }

  bind(inputs: readonly TensorBuffer[], outputs: readonly TensorBuffer[]): OnnxCall {
    const feeds: Record<string, Tensor> = {};
    const fetches: Record<string, Tensor> = {};
    for (const input of inputs) feeds[input.name] = this.#tensor(input);
    for (const output of outputs) fetches[output.name] = this.#tensor(output);
    return {
      rebind: (input) => {
        feeds[input.name] = this.#tensor(input);
      },
      rebindOutput: (output) => {
        fetches[output.name] = this.#tensor(output);
      },
      run: async () => {
        try {
          // Outputs are written in place; the returned copies are dropped.
          await this.#session.run(feeds, fetches);
        } catch (cause) {
          throw failure("run the model", cause);
        }
      },
      dispose: () => {},
    };
  }

  async dispose(): Promise<void> {
    await this.#session.release();
  }

  #tensor({ dtype, shape, bytes }: TensorBuffer): Tensor {
    const { buffer, byteOffset, byteLength } = bytes;
    const { Tensor: OnnxTensor } = this.#ort;
    const memory = buffer as ArrayBuffer;
    switch (dtype) {
      case "float32":
        return new OnnxTensor(dtype, new Float32Array(memory, byteOffset, byteLength / 4), shape);
      case "int32":
        return new OnnxTensor(dtype, new Int32Array(memory, byteOffset, byteLength / 4), shape);
      case "int64":
        return new OnnxTensor(dtype, new BigInt64Array(memory, byteOffset, byteLength / 8), shape);
      case "int8":
        return new OnnxTensor(dtype, new Int8Array(memory, byteOffset, byteLength), shape);
      case "bool":
        return new OnnxTensor(dtype, bytes, shape);
      default:
        return dtype satisfies never;
    }
  }
}

function failure(doing: string, cause: unknown): InferenceError {
  return new InferenceError("EXECUTOR_FAILED", `onnxruntime failed to ${doing}: ${reasonOf(cause)}`, {
    cause,
  });
}

/** `{ "a.b.c": "1" }` → `{ a: { b: { c: "1" } } }`, the binding's form of configuration entries. */
function nest(entries: Record<string, string>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(entries)) {
    const parts = key.split(".");
    const last = parts.pop() ?? key;
    let node = root;
    for (const part of parts) node = (node[part] ??= {}) as Record<string, unknown>;
    node[last] = value;
  }
  return root;
}
