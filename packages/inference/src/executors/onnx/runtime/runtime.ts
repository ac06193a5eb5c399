/** Memory that a graph reads or writes in place. The bytes must stay where they are while it is bound. */
export interface TensorBuffer {
  readonly name: string;
  readonly dtype: "float32" | "int32";
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Inputs and outputs tied to memory once, run many times. */
export interface OnnxCall {
  /** Puts other memory, or another shape, in the place of an input. */
  rebind(input: TensorBuffer): void;
  /** The same for an output. */
  rebindOutput(output: TensorBuffer): void;
  /** @throws InferenceError `EXECUTOR_FAILED` with the runtime's own message */
  run(): Promise<void>;
  dispose(): void;
}

/** A loaded model. Calls are made once and run often. */
export interface OnnxSession {
  bind(inputs: readonly TensorBuffer[], outputs: readonly TensorBuffer[]): OnnxCall;
  /** Not while a call runs. Calls must have been disposed. */
  dispose(): Promise<void>;
}

/** How a session computes, and where its weights are. */
export interface OnnxSessionOptions {
  readonly threadCount: number;
  readonly allowSpinning: boolean;
  /** External weights are below this folder. */
  readonly weightsDirectory: string;
}

/** A way to reach onnxruntime. */
export interface OnnxRuntime {
  readonly path: "ffi" | "binding";
  readonly version: string;
  /** @throws InferenceError `EXECUTOR_FAILED` with the runtime's own message */
  createSession(model: Uint8Array, options: OnnxSessionOptions): Promise<OnnxSession>;
  dispose(): void;
}

/** Entries that every session gets, whichever way it is made. */
export function sessionConfig(options: OnnxSessionOptions): Record<string, string> {
  return {
    "session.model_external_initializers_file_folder_path": options.weightsDirectory,
    "session.intra_op.allow_spinning": options.allowSpinning ? "1" : "0",
    "session.inter_op.allow_spinning": "0",
  };
}
