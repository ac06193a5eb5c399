import { describe, expect, test } from "vitest";
import { FfiRuntime } from "../../../../../src/executors/onnx/runtime/ffi/ffi-runtime.ts";
import { findOnnxLibrary } from "../../../../../src/executors/onnx/runtime/ffi/library-path.ts";
import {
  loadOrtApi,
  type OrtApi,
  type OrtFunctions,
  type Status,
} from "../../../../../src/executors/onnx/runtime/ffi/ort-api.ts";
import { OnnxGraph } from "../../../../../src/executors/onnx/graph/onnx-graph.ts";
import type { OnnxSessionOptions, TensorBuffer } from "../../../../../src/executors/onnx/runtime/runtime.ts";
import { collectGarbage } from "../../../support/collect-garbage.ts";

function openApi(): OrtApi {
  const library = findOnnxLibrary();
  if ("reason" in library) throw new Error(library.reason);
  const api = loadOrtApi(library.path);
  if ("reason" in api) throw new Error(api.reason);
  return api;
}

type AnyFunction = ((...args: unknown[]) => unknown) & { async(...args: unknown[]): void };

/** The real API, with a count of what was made and is not released yet, by kind. */
function countingApi(): { readonly api: OrtApi; readonly live: Record<string, number> } {
  const real = openApi();
  const live: Record<string, number> = {};
  const add = (kind: string, count: number): void => {
    live[kind] = (live[kind] ?? 0) + count;
  };
  const note = (name: string, result: unknown): unknown => {
    if (name.startsWith("Release")) add(name.slice("Release".length), -1);
    else if (result) add("Status", 1);
    else if (name.startsWith("Create")) add(kinds[name] ?? name.slice("Create".length), 1);
    return result;
  };
  const functions = Object.fromEntries(
    Object.entries(real.functions as unknown as Record<string, AnyFunction>).map(([name, native]) => {
      if (name === "GetErrorMessage") return [name, native];
      const counted = (...args: unknown[]): unknown => {
        if (longCalls.has(name)) throw new Error(`${name} would block the event loop`);
        return note(name, native(...args));
      };
      const async = (...args: unknown[]): void => {
        const done = args.pop() as (error: unknown, result: unknown) => void;
        native.async(...args, (error: unknown, result: unknown) => done(error, note(name, result)));
      };
      return [name, Object.assign(counted, { async })];
    }),
  ) as unknown as OrtFunctions;
  const check = (status: Status, doing: string): void => {
    try {
      real.check(status, doing);
    } finally {
      if (status) add("Status", -1);
    }
  };
  return { api: { version: real.version, functions, check }, live };
}

/** What may take long, and must run on another thread. */
const longCalls = new Set(["CreateSessionFromArray", "RunWithBinding", "ReleaseSession"]);

const kinds: Readonly<Record<string, string>> = {
  CreateSessionFromArray: "Session",
  CreateTensorWithDataAsOrtValue: "Value",
  CreateCpuMemoryInfo: "MemoryInfo",
};

const options: OnnxSessionOptions = { threadCount: 1, weightsDirectory: process.cwd() };

/** `y = table[ids]` for a table `(4, 2)` that is an input. */
function lookupModel(): Uint8Array {
  const graph = new OnnxGraph();
  graph.addInput({ name: "table", dtype: "float32", shape: [4, 2] });
  graph.addInput({ name: "ids", dtype: "int32", shape: ["n"] });
  graph.addNode({ op: "Gather", inputs: ["table", "ids"], outputs: ["y"] });
  graph.addOutput({ name: "y", dtype: "float32", shape: ["n", 2] });
  return graph.toModel();
}

function floats(name: string, shape: readonly number[], values: readonly number[]): TensorBuffer {
  return { name, dtype: "float32", shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

function ints(name: string, values: readonly number[]): TensorBuffer {
  return {
    name,
    dtype: "int32",
    shape: [values.length],
    bytes: new Uint8Array(Int32Array.from(values).buffer),
  };
}

const tableFloats = floats("table", [4, 2], [0, 1, 10, 11, 20, 21, 30, 31]);

function read(tensor: TensorBuffer): number[] {
  return [...new Float32Array(tensor.bytes.buffer)];
}

describe("the C API", () => {
  test("runs a graph off the event loop, on memory that is bound once", async () => {
    const { api, live } = countingApi();
    const runtime = new FfiRuntime(api);
    const session = await runtime.createSession(lookupModel(), options);
    const output = floats("y", [2, 2], [0, 0, 0, 0]);
    const ids = ints("ids", [3, 1]);
    const call = session.bind([tableFloats, ids], [output]);
    await call.run();
    expect(read(output)).toEqual([30, 31, 10, 11]);
    new Int32Array(ids.bytes.buffer).set([0, 2]);
    await call.run();
    expect(read(output)).toEqual([0, 1, 20, 21]);
    call.rebind(ints("ids", [1, 1]));
    await collectGarbage();
    await call.run();
    expect(read(output)).toEqual([10, 11, 10, 11]);
    call.dispose();
    await session.dispose();
    runtime.dispose();
    expect(live).toEqual({ Env: 0, MemoryInfo: 0, SessionOptions: 0, Session: 0, IoBinding: 0, Value: 0 });
  });

  test("releases the handles of a failed step, and its status", async () => {
    const { api, live } = countingApi();
    const runtime = new FfiRuntime(api);
    await expect(runtime.createSession(new Uint8Array([1, 2, 3]), options)).rejects.toMatchObject({
      code: "EXECUTOR_FAILED",
      message: expect.stringMatching(/^onnxruntime failed to load the model: ./),
    });
    const session = await runtime.createSession(lookupModel(), options);
    const output = floats("y", [2, 2], [0, 0, 0, 0]);
    // More floats than the memory has.
    const short = floats("table", [4, 2], [1, 2]);
    expect(() => session.bind([ints("ids", [1]), short], [output])).toThrow(
      expect.objectContaining({
        code: "EXECUTOR_FAILED",
        message: expect.stringContaining("use memory for table"),
      }),
    );
    const call = session.bind([tableFloats, ints("ids", [1, 9])], [output]);
    await expect(call.run()).rejects.toMatchObject({
      code: "EXECUTOR_FAILED",
      message: expect.stringContaining("failed to run the model"),
    });
    call.rebind(ints("ids", [1, 3]));
    await call.run();
    expect(read(output)).toEqual([10, 11, 30, 31]);
    call.dispose();
    await session.dispose();
    runtime.dispose();
    expect(live).toEqual({
      Env: 0,
      MemoryInfo: 0,
      SessionOptions: 0,
      Session: 0,
      IoBinding: 0,
      Value: 0,
      Status: 0,
    });
  });

  test("does not change or end a call that runs", async () => {
    const runtime = new FfiRuntime(openApi());
    const session = await runtime.createSession(lookupModel(), options);
    const call = session.bind([tableFloats, ints("ids", [1])], [floats("y", [1, 2], [0, 0])]);
    const running = call.run();
    expect(() => call.dispose()).toThrow(expect.objectContaining({ code: "EXECUTOR_FAILED" }));
    expect(() => call.rebind(ints("ids", [2]))).toThrow(expect.objectContaining({ code: "EXECUTOR_FAILED" }));
    await running;
    call.dispose();
    await session.dispose();
    runtime.dispose();
  });

  test("is loaded once", () => {
    expect(openApi().functions).toBe(openApi().functions);
  });
});
