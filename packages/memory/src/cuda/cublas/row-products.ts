import { assertDevice, assertInteger, invalidArgument } from "../../assert-argument.ts";
import type { CublasLibrary } from "./cublas-library.ts";
import { CublasObjects } from "./cublas-objects.ts";
import { type AlgorithmSource, ProductShape, type ProductSize, rowsOfBucket } from "./product-shape.ts";
import { handleDisposed } from "../device/cuda-context.ts";
import type { CudaDevice } from "../device/cuda-device.ts";
import type { CudaMemoryBlock } from "../device/cuda-memory-block.ts";
import type { CudaStream } from "../device/cuda-stream.ts";
import { releaseAfter } from "../device/release-after.ts";

/** `out = x · weightᵀ + bias`, of matrices that are stored row by row at fixed addresses of the device. */
export interface RowProductRequest extends Pick<ProductSize, "type" | "n" | "k"> {
  /** `(rows, n)` float32 */
  readonly out: bigint;
  /** `(rows, k)` */
  readonly x: bigint;
  /** `(n, k)` */
  readonly weight: bigint;
  /** `(n)` float32 */
  readonly bias: bigint | undefined;
}

/** A product with its matrices. */
export interface RowProduct {
  /**
   * Queues the product of so many rows. Sums are float32. The same rows have the same result, bit for bit, whatever was
   * computed before.
   *
   * @throws MemoryError `INVALID_ARGUMENT`, `CUDA_HANDLE_DISPOSED`; CudaError `CUBLAS_ERROR`
   */
  launch(rowCount: number): void;
}

/** Products of rows by cuBLASLt on one stream. */
export interface RowProducts extends Disposable {
  /**
   * Prepares a product.
   * @throws MemoryError `INVALID_ARGUMENT`, `CUDA_HANDLE_DISPOSED`; CudaError `CUBLAS_ERROR` for one that the library does
   * not compute
   */
  product(request: RowProductRequest): RowProduct;
  /** Ends all products, which must have run. Idempotent. */
  dispose(): void;
}

export interface RowProductsOptions {
  readonly library: CublasLibrary;
  readonly device: CudaDevice;
  readonly stream: CudaStream;
  /** What products may use while they run, one after the other. */
  readonly workspace: CudaMemoryBlock;
}

/** As the driver aligns memory; kernels make use of no more. */
const mostAlignmentBytes = 256;
const one = Float32Array.of(1);
const zero = Float32Array.of(0);

/**
 * Creates products of rows by cuBLASLt.
 * @throws MemoryError `WRONG_DEVICE`; CudaError `CUBLAS_ERROR`
 */
export function createRowProducts(options: RowProductsOptions): RowProducts {
  const { library, device, stream, workspace } = options;
  const { context, id } = device;
  assertDevice("a stream", stream, id);
  assertDevice("a block", workspace, id);
  const { functions, check } = library;
  context.makeCurrent();
  const objects = new CublasObjects(library);
  const source = createSource(objects, workspace.sizeBytes);
  const shapes = new Map<string, ProductShape>();
  const releaseContext = context.retain();
  let isDisposed = false;

  const makeCurrent = (): void => {
    if (isDisposed) throw handleDisposed(`product of rows on ${id}`);
    context.makeCurrent();
  };
  const shapeOf = (request: RowProductRequest): ProductShape => {
    const { type, n, k, bias } = request;
    const alignments = alignmentsOf(request);
    const key = [type, n, k, bias === undefined, ...Object.values(alignments)].join(" ");
    const shape = shapes.get(key) ?? new ProductShape(source, { type, n, k, alignments });
    shapes.set(key, shape);
    return shape;
  };
  const dispose = (): void => {
    if (isDisposed) return;
    context.makeCurrent();
    objects.dispose();
    isDisposed = true;
    releaseContext();
  };
  return {
    product(request) {
      assertRequest(request);
      makeCurrent();
      const { out, x, weight, bias } = request;
      const shape = shapeOf(request);
      const operation = objects.operation(bias);
      // What the library does not compute fails here.
      shape.algorithmFor(rowsOfBucket, operation);
      return {
        launch(rowCount) {
          assertInteger("rowCount", rowCount);
          makeCurrent();
          const algorithm = shape.algorithmFor(rowCount, operation);
          shape.setRows(rowCount);
          check(
            functions.cublasLtMatmul(
              source.handle,
              operation,
              one,
              weight,
              shape.weight,
              x,
              shape.x,
              zero,
              out,
              shape.out,
              out,
              shape.out,
              algorithm,
              workspace.devicePointer,
              workspace.sizeBytes,
              stream.handle,
            ),
            "cublasLtMatmul",
          );
        },
      };
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}

function createSource(objects: CublasObjects, workspaceBytes: number): AlgorithmSource {
  try {
    return {
      objects,
      handle: objects.handle(),
      preference: objects.preference(workspaceBytes),
      workspaceBytes,
    };
  } catch (error) {
    return releaseAfter(error, () => objects.dispose());
  }
}

function assertRequest({ type, n, k, out, x, weight, bias }: RowProductRequest): void {
  if (type !== "bf16" && type !== "f16") throw invalidArgument("type", '"bf16" or "f16"', type);
  assertInteger("n", n);
  assertInteger("k", k);
  assertAddress("out", out);
  assertAddress("x", x);
  assertAddress("weight", weight);
  if (bias !== undefined) assertAddress("bias", bias);
}

function assertAddress(name: string, address: bigint): void {
  if (typeof address !== "bigint" || address <= 0n) throw invalidArgument(name, "an address", address);
}

/** The largest powers of two that the addresses of the matrices are multiples of. */
function alignmentsOf({ weight, x, out }: RowProductRequest): ProductSize["alignments"] {
  return { weight: alignmentOf(weight), x: alignmentOf(x), out: alignmentOf(out) };
}

function alignmentOf(address: bigint): number {
  let bytes = mostAlignmentBytes;
  while (address % BigInt(bytes) !== 0n) bytes /= 2;
  return bytes;
}
