import { invalidOption, missingMembers } from "../../assert-options.ts";

/** A tensor of TensorFlow.js: immutable numbers in the memory of its backend, until it is disposed. */
export interface TfTensor {
  readonly shape: number[];
  /** The numbers; of some backends the tensor's own memory. */
  dataSync(): unknown;
  dispose(): void;
}

/** Numbers that an operation takes in place of a tensor. */
type Operand = TfTensor | number;

/**
 * What is used of the namespace of `@tensorflow/tfjs-core`, which the namespaces of `@tensorflow/tfjs-node` and
 * `@tensorflow/tfjs-node-gpu` contain.
 */
export interface TensorFlow {
  readonly version_core?: string;
  ready(): Promise<void>;
  getBackend(): string;
  /** Takes effect at once where the backend was used before. */
  setBackend(name: string): Promise<boolean>;
  env(): { get(flag: string): unknown; set(flag: string, value: number | boolean): void };
  memory(): { readonly numTensors: number; readonly numBytes: number };
  /** Disposes the tensors that `run` made, except the one that it returns. */
  tidy<T extends TfTensor>(run: () => T): T;
  tensor(values: Float32Array | Int32Array, shape: number[], dtype?: "float32" | "int32"): TfTensor;
  matMul(a: TfTensor, b: TfTensor, transposeA?: boolean, transposeB?: boolean): TfTensor;
  add(a: Operand, b: Operand): TfTensor;
  sub(a: Operand, b: Operand): TfTensor;
  mul(a: Operand, b: Operand): TfTensor;
  div(a: Operand, b: Operand): TfTensor;
  square(x: TfTensor): TfTensor;
  rsqrt(x: TfTensor): TfTensor;
  sigmoid(x: TfTensor): TfTensor;
  tanh(x: TfTensor): TfTensor;
  erf(x: TfTensor): TfTensor;
  clipByValue(x: TfTensor, min: number, max: number): TfTensor;
  mean(x: TfTensor, axis: number, keepDims: boolean): TfTensor;
  sum(x: TfTensor, axis: number, keepDims: boolean): TfTensor;
  softmax(x: TfTensor, axis: number): TfTensor;
  reshape(x: TfTensor, shape: number[]): TfTensor;
  transpose(x: TfTensor, permutation: number[]): TfTensor;
  slice(x: TfTensor, begin: number[], size: number[]): TfTensor;
  concat(parts: TfTensor[], axis: number): TfTensor;
  gather(x: TfTensor, indices: TfTensor, axis: number): TfTensor;
}

const functionNames = [
  "ready",
  "getBackend",
  "setBackend",
  "env",
  "memory",
  "tidy",
  "tensor",
  "matMul",
  "add",
  "sub",
  "mul",
  "div",
  "square",
  "rsqrt",
  "sigmoid",
  "tanh",
  "erf",
  "clipByValue",
  "mean",
  "sum",
  "softmax",
  "reshape",
  "transpose",
  "slice",
  "concat",
  "gather",
] as const satisfies readonly (keyof TensorFlow)[];

/** @throws InferenceError `INVALID_EXECUTOR_OPTIONS` for a value that has not all that is used */
export function assertTensorFlow(tf: TensorFlow): void {
  const members = Object.fromEntries(functionNames.map((name) => [name, "function"] as const));
  const [missing] = missingMembers(tf, members);
  if (missing === undefined) return;
  const expected = `the namespace of @tensorflow/tfjs-core, with the function ${missing}`;
  throw invalidOption("tensorflow", expected, tf);
}

/** The numbers of a tensor of float32. Valid until the tensor is disposed. */
export function numbersOf(tensor: TfTensor): Float32Array {
  return tensor.dataSync() as Float32Array;
}
