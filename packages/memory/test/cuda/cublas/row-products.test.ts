import { describe, expect, it } from "vitest";
import {
  cublasLibraryPaths,
  type CublasLibrary,
  openCublasLibrary,
} from "../../../src/cuda/cublas/cublas-library.ts";
import { cublasValues } from "../../../src/cuda/cublas/cublas-functions.ts";
import { CublasObjects } from "../../../src/cuda/cublas/cublas-objects.ts";
import { ProductShape } from "../../../src/cuda/cublas/product-shape.ts";
import { createCudaDevice, type CudaDevice } from "../../../src/cuda/device/cuda-device.ts";
import { captureGraph } from "../../../src/cuda/launch/cuda-graph.ts";
import { createCudaMemoryPool } from "../../../src/cuda/cuda-memory-pool.ts";
import type { CudaStream } from "../../../src/cuda/device/cuda-stream.ts";
import { CudaError } from "../../../src/cuda/driver/cuda-error.ts";
import {
  createRowProducts,
  type RowProductRequest,
  type RowProducts,
} from "../../../src/cuda/cublas/row-products.ts";
import { describeOverStandIn } from "../stand-in/stand-in.ts";

const tag = { model: "test", purpose: "workspace" } as const;
type NumberType = RowProductRequest["type"];

describe("openCublasLibrary", () => {
  it("knows the library by platform, the newest version first", () => {
    expect(cublasLibraryPaths("linux")).toEqual(["libcublasLt.so.13", "libcublasLt.so.12"]);
    expect(cublasLibraryPaths("win32")).toEqual(["cublasLt64_13.dll", "cublasLt64_12.dll"]);
    expect(openCublasLibrary({ platform: "darwin" })).toEqual({ reason: "no cuBLASLt exists for darwin" });
  });
  it("says which file is missing, and does not throw", () => {
    const opened = openCublasLibrary({ libraryPaths: ["/nowhere/libcublasLt.so.13"] });
    expect(opened).toEqual({ reason: expect.stringContaining("/nowhere/libcublasLt.so.13") });
  });
  it.runIf(process.platform === "linux")("lists the functions that a library lacks", () => {
    expect(openCublasLibrary({ libraryPaths: ["libc.so.6"] })).toEqual({
      reason: expect.stringMatching(/^libc\.so\.6 lacks cublasLtCreate, .*cublasLtMatmul$/),
    });
  });
});

/** Numbers of 16 bits, and what they stand for. */
function randomNumbers(
  count: number,
  type: NumberType,
  seed: number,
): { bits: Uint16Array; values: Float64Array } {
  const bits = new Uint16Array(count);
  const values = new Float64Array(count);
  const wide = new DataView(new ArrayBuffer(4));
  let state = seed;
  for (let at = 0; at < count; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const sign = state >>> 31;
    const fraction = state >>> 3;
    if (type === "bf16") {
      // Magnitudes from 2⁻³ to 2.
      const number = (sign << 15) | ((124 + ((state >>> 27) & 3)) << 7) | (fraction & 127);
      bits[at] = number;
      wide.setUint32(0, number << 16);
      values[at] = wide.getFloat32(0);
    } else {
      const exponent = 12 + ((state >>> 27) & 3);
      bits[at] = (sign << 15) | (exponent << 10) | (fraction & 1023);
      values[at] = (sign === 0 ? 1 : -1) * 2 ** (exponent - 15) * (1 + (fraction & 1023) / 1024);
    }
  }
  return { bits, values };
}

interface Sizes {
  readonly type: NumberType;
  readonly n: number;
  readonly k: number;
  readonly mostRows: number;
  readonly hasBias: boolean;
}

describeOverStandIn("products of rows by cuBLASLt", (standIn) => {
  const open = (): CublasLibrary => {
    const library = openCublasLibrary({ libraryPaths: [standIn.path] });
    if ("reason" in library) throw new Error(library.reason);
    return library;
  };

  /** Calls `use` with products on a device, and with what places numbers there. */
  const withProducts = async (
    use: (parts: {
      readonly products: RowProducts;
      readonly device: CudaDevice;
      readonly stream: CudaStream;
      readonly put: (bytes: ArrayBufferView) => bigint;
      readonly read: (address: bigint, count: number) => Float32Array;
    }) => void | Promise<void>,
    workspaceBytes: number = 2 ** 20,
  ): Promise<void> => {
    using device = createCudaDevice({ driver: standIn.driver });
    using pool = createCudaMemoryPool({ device, limitBytes: 64 * 2 ** 20 });
    using stream = device.createStream();
    const blocks = new Map<bigint, ReturnType<typeof pool.allocate>>();
    const put = (view: ArrayBufferView): bigint => {
      const block = pool.allocate({ sizeBytes: view.byteLength, tag, stream });
      device.copyToDevice(block, new Uint8Array(view.buffer, view.byteOffset, view.byteLength), { stream });
      blocks.set(block.devicePointer, block);
      return block.devicePointer;
    };
    const read = (address: bigint, count: number): Float32Array => {
      const numbers = new Float32Array(count);
      device.copyToHost(new Uint8Array(numbers.buffer), blocks.get(address)!, { stream });
      return numbers;
    };
    using workspace = pool.allocate({ sizeBytes: workspaceBytes, tag, stream });
    using products = createRowProducts({ library: open(), device, stream, workspace });
    await use({ products, device, stream, put, read });
    for (const block of blocks.values()) block.dispose();
  };

  /** Random matrices on a device, and the product of some rows in float64. */
  const matricesOf = ({ type, n, k, mostRows, hasBias }: Sizes, put: (bytes: ArrayBufferView) => bigint) => {
    const weight = randomNumbers(n * k, type, 1);
    const x = randomNumbers(mostRows * k, type, 2);
    const bias = Float32Array.from({ length: n }, (_, at) => (at % 7) - 3);
    const expected = (rows: number): Float64Array =>
      Float64Array.from({ length: rows * n }, (_, at) => {
        const [row, output] = [Math.floor(at / n), at % n];
        let sum = hasBias ? (bias[output] ?? 0) : 0;
        for (let column = 0; column < k; column += 1) {
          sum += (x.values[row * k + column] ?? 0) * (weight.values[output * k + column] ?? 0);
        }
        return sum;
      });
    const request: RowProductRequest = {
      type,
      n,
      k,
      weight: put(weight.bits),
      x: put(x.bits),
      out: put(new Float32Array(mostRows * n).fill(Number.NaN)),
      bias: hasBias ? put(bias) : undefined,
    };
    return { request, expected };
  };

  const difference = (got: Float32Array, expected: Float64Array): number => {
    const largest = expected.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
    return got.reduce((most, each, at) => {
      const apart = Math.abs(each - (expected[at] ?? 0)) / largest;
      return Number.isNaN(apart) ? Number.POSITIVE_INFINITY : Math.max(most, apart);
    }, 0);
  };

  it("has the version of the library", () => {
    expect(open()).toMatchObject({ path: standIn.path, version: "13.1.0" });
  });

  it.each<Sizes>([
    { type: "bf16", n: 40, k: 64, mostRows: 200, hasBias: false },
    { type: "bf16", n: 33, k: 1024, mostRows: 130, hasBias: true },
    { type: "f16", n: 40, k: 64, mostRows: 128, hasBias: true },
  ])("$type of $n × $k with bias: $hasBias is that of float64", (sizes) =>
    withProducts(({ products, put, read }) => {
      const { request, expected } = matricesOf(sizes, put);
      const product = products.product(request);
      for (const rows of [sizes.mostRows, 65, 1]) {
        product.launch(rows);
        expect(difference(read(request.out, rows * sizes.n), expected(rows))).toBeLessThan(1e-6);
      }
    }),
  );

  it("writes no row beyond those that it is given", () =>
    withProducts(({ products, put, read }) => {
      const { request } = matricesOf({ type: "bf16", n: 16, k: 32, mostRows: 80, hasBias: false }, put);
      products.product(request).launch(70);
      const rows = read(request.out, 80 * 16);
      expect(rows.subarray(0, 70 * 16).every((each) => !Number.isNaN(each))).toBe(true);
      expect(rows.subarray(70 * 16).every((each) => Number.isNaN(each))).toBe(true);
    }));

  it("asks for an algorithm once for each shape and bucket of rows, whatever the order of counts", async () => {
    const sizes: Sizes = { type: "bf16", n: 24, k: 1024, mostRows: 300, hasBias: false };
    const results: Float32Array[] = [];
    for (const order of [
      [70, 300, 128],
      [300, 128, 70],
    ]) {
      await withProducts(({ products, put, read }) => {
        const { request } = matricesOf(sizes, put);
        const [one, other] = [products.product(request), products.product(request)];
        for (const rows of order) one.launch(rows);
        standIn.fail("cublasLtMatmulAlgoGetHeuristic", 15, { forever: true });
        for (const rows of [...order, 71]) other.launch(rows);
        standIn.stopFailing();
        one.launch(70);
        results.push(read(request.out, 70 * sizes.n));
      });
    }
    expect(results[1]).toEqual(results[0]);
  });

  it("asks for an algorithm of its own for rows that the one of their bucket does not compute", () =>
    withProducts(({ products, put, read }) => {
      const sizes: Sizes = { type: "bf16", n: 24, k: 64, mostRows: 90, hasBias: false };
      const { request, expected } = matricesOf(sizes, put);
      const product = products.product(request);
      standIn.fail("cublasLtMatmulAlgoCheck", 15);
      product.launch(90);
      expect(difference(read(request.out, 90 * sizes.n), expected(90))).toBeLessThan(1e-6);
    }));

  it("takes an algorithm that needs no more than the workspace", () =>
    withProducts(({ products, put, read }) => {
      const sizes: Sizes = { type: "bf16", n: 64, k: 1024, mostRows: 100, hasBias: false };
      const { request, expected } = matricesOf(sizes, put);
      products.product(request).launch(100);
      expect(difference(read(request.out, 100 * sizes.n), expected(100))).toBeLessThan(1e-6);
    }, 256));

  it("computes matrices that are aligned to 16 bytes only", () =>
    withProducts(({ products, put, read }) => {
      const sizes: Sizes = { type: "bf16", n: 24, k: 24, mostRows: 90, hasBias: false };
      const { request, expected } = matricesOf(sizes, put);
      const shifted = products.product({ ...request, x: request.x + BigInt(sizes.k * 2) });
      shifted.launch(89);
      const wanted = expected(90).subarray(sizes.n);
      expect(difference(read(request.out, 89 * sizes.n), wanted)).toBeLessThan(1e-6);
      // The aligned one has an algorithm of its own.
      products.product(request).launch(89);
      expect(difference(read(request.out, 89 * sizes.n), expected(89))).toBeLessThan(1e-6);
    }));

  it("runs in the order of its stream", () =>
    withProducts(({ products, stream, put, read }) => {
      const { request, expected } = matricesOf(
        { type: "bf16", n: 16, k: 32, mostRows: 70, hasBias: false },
        put,
      );
      const product = products.product(request);
      standIn.hold();
      product.launch(70);
      expect(stream.isIdle()).toBe(false);
      expect(difference(read(request.out, 70 * 16), expected(70))).toBeLessThan(1e-6);
      standIn.release();
    }));

  it("fails with the library's name and number of a status, and can be used again", () =>
    withProducts(({ products, put, read }) => {
      const { request, expected } = matricesOf(
        { type: "bf16", n: 16, k: 32, mostRows: 70, hasBias: false },
        put,
      );
      const product = products.product(request);
      standIn.fail("cublasLtMatmul", 13);
      const failed = expect.objectContaining({
        name: "CudaError",
        code: "CUBLAS_ERROR",
        call: "cublasLtMatmul",
        status: 13,
        statusName: "CUBLAS_STATUS_EXECUTION_FAILED",
        isSticky: false,
        message:
          "cublasLtMatmul returned CUBLAS_STATUS_EXECUTION_FAILED (13): the function failed to launch on the GPU",
      });
      expect(() => product.launch(70)).toThrow(failed);
      product.launch(70);
      expect(difference(read(request.out, 70 * 16), expected(70))).toBeLessThan(1e-6);
    }));

  it("fails where it is made for a product that the library does not compute", () =>
    withProducts(({ products, put }) => {
      const { request } = matricesOf({ type: "bf16", n: 16, k: 32, mostRows: 70, hasBias: false }, put);
      expect(() => products.product({ ...request, k: 36 })).toThrow(
        expect.objectContaining({
          code: "CUBLAS_ERROR",
          call: "cublasLtMatmulAlgoGetHeuristic",
          statusName: "CUBLAS_STATUS_NOT_SUPPORTED",
        }),
      );
      expect(() => products.product({ ...request, type: "f32" as "f16" })).toThrow(
        /type: expected "bf16" or "f16"/,
      );
      expect(() => products.product({ ...request, weight: 0n })).toThrow(
        /weight: expected an address, got 0/,
      );
      expect(() => products.product(request).launch(0)).toThrow(/rowCount: expected an integer of 1 or more/);
    }));

  it("is refused by the stand-in where arguments do not fit each other", () =>
    withProducts(({ stream, put }) => {
      const { functions } = open();
      const [n, k, rows, workspaceBytes] = [16, 1024, 70, 2 ** 16];
      const objects = new CublasObjects(open());
      const { CUDA_R_16BF: bf16, CUDA_R_32F: float32 } = cublasValues;
      const source = {
        objects,
        handle: objects.handle(),
        preference: objects.preference(2 ** 20),
        workspaceBytes,
      };
      const alignments = { weight: 256, x: 256, out: 256 };
      const shape = new ProductShape(source, { type: "bf16", n, k, alignments });
      const operation = objects.operation(undefined);
      const algorithm = shape.algorithmFor(rows, operation);
      shape.setRows(rows);
      const good = {
        handle: source.handle,
        operation,
        alpha: Float32Array.of(1),
        weight: put(new Uint16Array(n * k)),
        weightLayout: shape.weight,
        x: put(new Uint16Array(rows * k)),
        xLayout: shape.x,
        out: put(new Float32Array(rows * n)),
        outLayout: shape.out,
        algorithm,
        workspace: put(new Uint8Array(workspaceBytes)),
        workspaceBytes,
        stream: stream.handle,
      };
      const multiply = (wrong: Partial<typeof good>): number => {
        const given = { ...good, ...wrong };
        return functions.cublasLtMatmul(
          given.handle,
          given.operation,
          given.alpha,
          given.weight,
          given.weightLayout,
          given.x,
          given.xLayout,
          Float32Array.of(0),
          given.out,
          given.outLayout,
          given.out,
          given.outLayout,
          given.algorithm,
          given.workspace,
          given.workspaceBytes,
          given.stream,
        );
      };
      expect(multiply({})).toBe(0);
      const other = new ProductShape(source, { type: "f16", n, k, alignments });
      const wrong: readonly Partial<typeof good>[] = [
        { handle: operation },
        { operation: objects.operation(4096n) },
        { alpha: Float32Array.of(2) },
        { weight: 0n },
        { weight: good.weight + 16n },
        { x: good.x + 2n },
        { out: good.out + 4n },
        { weightLayout: shape.x },
        { xLayout: objects.layout({ dataType: bf16, rows: k - 8, columns: rows }) },
        { xLayout: objects.layout({ dataType: float32, rows: k, columns: rows }) },
        { outLayout: objects.layout({ dataType: float32, rows: n, columns: rows + 1 }) },
        { outLayout: objects.layout({ dataType: bf16, rows: n, columns: rows }) },
        { algorithm: new Uint8Array(64) },
        { algorithm: other.algorithmFor(rows, operation) },
        { workspace: 0n },
        { workspace: good.workspace + 16n },
        { workspaceBytes: 256 },
      ];
      expect(wrong.map((each) => multiply(each)).filter((status) => status === 0)).toEqual([]);
      expect(multiply({})).toBe(0);
      objects.dispose();
    }));

  it("is not recorded in a graph", () =>
    withProducts(({ products, device, stream, put }) => {
      const { request } = matricesOf({ type: "bf16", n: 16, k: 32, mostRows: 70, hasBias: false }, put);
      const product = products.product(request);
      expect(() => captureGraph(device, stream, () => product.launch(70))).toThrow(CudaError);
    }));

  it("leaves nothing where it cannot be created, and is used no more after dispose", async () => {
    for (const call of ["cublasLtCreate", "cublasLtMatmulPreferenceCreate"]) {
      standIn.fail(call, 3);
      await expect(withProducts(() => {})).rejects.toMatchObject({
        call,
        statusName: "CUBLAS_STATUS_ALLOC_FAILED",
      });
    }
    await withProducts(({ products, put }) => {
      const { request } = matricesOf({ type: "bf16", n: 16, k: 32, mostRows: 70, hasBias: false }, put);
      const product = products.product(request);
      products.dispose();
      expect(standIn.live().products).toBe(0);
      const disposed = expect.objectContaining({ code: "CUDA_HANDLE_DISPOSED" });
      expect(() => product.launch(70)).toThrow(disposed);
      expect(() => products.product(request)).toThrow(disposed);
    });
  });

  it("belongs to the device of its stream and its workspace", () => {
    using device = createCudaDevice({ driver: standIn.driver });
    using other = createCudaDevice({ driver: standIn.driver, ordinal: 1 });
    using pool = createCudaMemoryPool({ device, limitBytes: 32 * 2 ** 20 });
    using stream = other.createStream();
    using workspace = pool.allocate({ sizeBytes: 256, tag });
    expect(() => createRowProducts({ library: open(), device, stream, workspace })).toThrow(
      expect.objectContaining({ code: "WRONG_DEVICE" }),
    );
  });
});
