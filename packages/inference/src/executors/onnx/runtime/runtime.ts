/** Memory that a graph reads or writes in place; it must not move while it is bound. */
export interface TensorBuffer {
  readonly name: string;
  readonly dtype: "float32" | "int32" | "int64" | "int8" | "bool";
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Inputs and outputs bound to memory once, run many times. */
export interface OnnxCall {
  /** Binds an input to other memory or another shape. */
  rebind(input: TensorBuffer): void;
  /** Binds an output to other memory or another shape. */
  rebindOutput(output: TensorBuffer): void;
  /** @throws InferenceError `EXECUTOR_FAILED` with the runtime's own message */
  run(): Promise<void>;
  dispose(): void;
}

/** A loaded model. */
export interface OnnxSession {
  bind(inputs: readonly TensorBuffer[], outputs: readonly TensorBuffer[]): OnnxCall;
  /** After its calls were disposed. */
  dispose(): Promise<void>;
}

/** How a session computes, and where its weights are. */
export interface OnnxSessionOptions {
  readonly threadCount: number;
  /** The directory of external weights. */
  readonly weightsDirectory: string;
  /** Saves the model with its weights as they are computed with. [nothing is saved] */
  readonly saveTo?: SavedModelPaths | undefined;
}

/** Where the runtime saves a model. */
export interface SavedModelPaths {
  readonly modelPath: string;
  /** The name of the file of weights, beside the model. */
  readonly weightsName: string;
}

/** A way to call onnxruntime. */
export interface OnnxRuntime {
  readonly path: "ffi" | "binding";
  readonly version: string;
  /** @throws InferenceError `EXECUTOR_FAILED` with the runtime's own message */
  createSession(model: Uint8Array, options: OnnxSessionOptions): Promise<OnnxSession>;
  dispose(): void;
}

/** Configuration entries of every session. */
export function sessionConfig(options: OnnxSessionOptions): Record<string, string> {
  return {
    "session.model_external_initializers_file_folder_path": options.weightsDirectory,
    // Threads wait for the next product of a run in a loop, as long as the operators between two products take, and
    // sleep when the run ends: waking them up for each product takes a tenth of a decode.
    "session.intra_op.allow_spinning": "1",
    "session.intra_op.spin_duration_us": "30",
    "session.force_spinning_stop": "1",
    "session.inter_op.allow_spinning": "0",
    ...(options.saveTo !== undefined && {
      "session.optimized_model_external_initializers_file_name": options.saveTo.weightsName,
      "session.optimized_model_external_initializers_min_size_in_bytes": "0",
      "session.save_external_prepacked_constant_initializers": "1",
    }),
  };
}
