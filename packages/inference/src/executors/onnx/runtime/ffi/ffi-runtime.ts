import { InferenceError } from "../../../../errors.ts";
import { onnxDtype } from "../../graph/onnx-graph.ts";
import {
  type OnnxCall,
  type OnnxRuntime,
  type OnnxSession,
  type OnnxSessionOptions,
  sessionConfig,
  type TensorBuffer,
} from "../runtime.ts";
import { findOnnxLibrary } from "./library-path.ts";
import { loadOrtApi, type OrtApi, type Pointer, type Status } from "./ort-api.ts";

/** Errors are returned as statuses and thrown; the library need not log them too. */
const logFatal = 4;
const optimizeAll = 99;
const deviceAllocator = 0;
const memoryDefault = 0;

/** Opens onnxruntime through its C API, or returns why it cannot. */
export function openFfiRuntime(): OnnxRuntime | { readonly reason: string } {
  const library = findOnnxLibrary();
  if ("reason" in library) return library;
  const api = loadOrtApi(library.path);
  return "reason" in api ? api : new FfiRuntime(api);
}

/** onnxruntime through its C API. Every native handle has one owner, which releases it. */
export class FfiRuntime implements OnnxRuntime {
  readonly path = "ffi";
  readonly version: string;
  readonly #api: OrtApi;
  readonly #env: Pointer;
  readonly #memoryInfo: Pointer;

  constructor(api: OrtApi) {
    const { functions } = api;
    this.version = api.version;
    this.#api = api;
    this.#env = create(api, "start", (out) => functions.CreateEnv(logFatal, "infernode", out));
    api.check(functions.DisableTelemetryEvents(this.#env), "switch telemetry off");
    this.#memoryInfo = create(api, "describe memory", (out) =>
      functions.CreateCpuMemoryInfo(deviceAllocator, memoryDefault, out),
    );
  }

  async createSession(model: Uint8Array, options: OnnxSessionOptions): Promise<OnnxSession> {
    const { functions } = this.#api;
    const settings = this.#createSettings(options);
    try {
      const cell = new BigUint64Array(new ArrayBuffer(8));
      const out = new Uint8Array(cell.buffer);
      const status = await callAsync<Status>((done) =>
        functions.CreateSessionFromArray.async(this.#env, model, model.length, settings, out, done),
      );
      this.#api.check(status, "load the model");
      return new FfiSession(this.#api, cell[0] ?? 0n, this.#memoryInfo);
    } finally {
      functions.ReleaseSessionOptions(settings);
    }
  }

  dispose(): void {
    this.#api.functions.ReleaseMemoryInfo(this.#memoryInfo);
    this.#api.functions.ReleaseEnv(this.#env);
  }

  #createSettings(options: OnnxSessionOptions): Pointer {
    const { functions, check } = this.#api;
    const settings = create(this.#api, "make session options", (out) => functions.CreateSessionOptions(out));
    try {
      check(functions.SetSessionGraphOptimizationLevel(settings, optimizeAll), "set the optimisation level");
      check(functions.SetIntraOpNumThreads(settings, options.threadCount), "set the number of threads");
      // Patterns are kept per input shape and never dropped, and prompts have every length.
      check(functions.DisableMemPattern(settings), "switch memory patterns off");
      if (options.saveTo !== undefined) {
        check(functions.SetOptimizedModelFilePath(settings, options.saveTo.modelPath), "set where to save");
      }
      for (const [key, value] of Object.entries(sessionConfig(options))) {
        check(functions.AddSessionConfigEntry(settings, key, value), `set ${key}`);
      }
      return settings;
    } catch (error) {
      functions.ReleaseSessionOptions(settings);
      throw error;
    }
  }
}

class FfiSession implements OnnxSession {
  readonly #api: OrtApi;
  readonly #session: Pointer;
  readonly #memoryInfo: Pointer;

  constructor(api: OrtApi, session: Pointer, memoryInfo: Pointer) {
    this.#api = api;
    this.#session = session;
    this.#memoryInfo = memoryInfo;
  }

  bind(inputs: readonly TensorBuffer[], outputs: readonly TensorBuffer[]): OnnxCall {
    const call = new FfiCall(this.#api, this.#session, this.#memoryInfo);
    try {
      for (const input of inputs) call.rebind(input);
      for (const output of outputs) call.rebindOutput(output);
      return call;
    } catch (error) {
      call.dispose();
      throw error;
    }
  }

  async dispose(): Promise<void> {
    await callAsync((done) => this.#api.functions.ReleaseSession.async(this.#session, done));
  }
}

class FfiCall implements OnnxCall {
  readonly #api: OrtApi;
  readonly #session: Pointer;
  readonly #memoryInfo: Pointer;
  readonly #binding: Pointer;
  /** What is bound by name: the native value, and the memory that must outlive it. */
  readonly #values = new Map<string, { readonly value: Pointer; readonly bytes: Uint8Array }>();
  readonly #start: (done: (error: unknown, status: Status) => void) => void;
  #isRunning = false;

  constructor(api: OrtApi, session: Pointer, memoryInfo: Pointer) {
    const { functions } = api;
    this.#api = api;
    this.#session = session;
    this.#memoryInfo = memoryInfo;
    const binding = create(api, "make a binding", (out) => functions.CreateIoBinding(session, out));
    this.#binding = binding;
    this.#start = (done) => functions.RunWithBinding.async(this.#session, null, binding, done);
  }

  rebind(input: TensorBuffer): void {
    this.#bind(input, this.#api.functions.BindInput);
  }

  rebindOutput(output: TensorBuffer): void {
    this.#bind(output, this.#api.functions.BindOutput);
  }

  async run(): Promise<void> {
    this.#isRunning = true;
    try {
      this.#api.check(await callAsync(this.#start), "run the model");
    } finally {
      this.#isRunning = false;
    }
  }

  dispose(): void {
    this.#assertIdle();
    const { functions } = this.#api;
    functions.ReleaseIoBinding(this.#binding);
    for (const { value } of this.#values.values()) functions.ReleaseValue(value);
    this.#values.clear();
  }

  #bind(tensor: TensorBuffer, bind: (binding: Pointer, name: string, value: Pointer) => Status): void {
    this.#assertIdle();
    const value = createValue(this.#api, this.#memoryInfo, tensor);
    const status = bind(this.#binding, tensor.name, value);
    const previous = this.#values.get(tensor.name);
    this.#values.set(tensor.name, { value, bytes: tensor.bytes });
    if (previous !== undefined) this.#api.functions.ReleaseValue(previous.value);
    this.#api.check(status, `bind ${tensor.name}`);
  }

  #assertIdle(): void {
    if (this.#isRunning) {
      throw new InferenceError("EXECUTOR_FAILED", { expected: "an idle call", got: "one that is running" });
    }
  }
}

function createValue(api: OrtApi, memoryInfo: Pointer, tensor: TensorBuffer): Pointer {
  const shape = BigInt64Array.from(tensor.shape, BigInt);
  return create(api, `use memory for ${tensor.name}`, (out) =>
    api.functions.CreateTensorWithDataAsOrtValue(
      memoryInfo,
      tensor.bytes,
      tensor.bytes.length,
      shape,
      shape.length,
      onnxDtype[tensor.dtype],
      out,
    ),
  );
}

/** Calls a function that writes a new object's address to `out`; returns the address. */
function create(api: OrtApi, doing: string, call: (out: Uint8Array) => Status): Pointer {
  const cell = new BigUint64Array(new ArrayBuffer(8));
  api.check(call(new Uint8Array(cell.buffer)), doing);
  return cell[0] ?? 0n;
}

function callAsync<T>(start: (done: (error: unknown, result: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, result) => {
      // koffi keeps this callback, and so `start` and the memory that it passed, until the call returns.
      void start;
      if (error === null || error === undefined) resolve(result);
      else reject(new InferenceError("EXECUTOR_FAILED", "a native call failed", { cause: error }));
    });
  });
}
