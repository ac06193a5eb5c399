import {
  type CublasLibrary,
  CudaError,
  type CudaMemoryPool,
  type CudaStream,
  createRowProducts,
  openCublasLibrary,
  type RowProduct,
  type RowProductRequest,
} from "@infernode/memory/cuda";
import { InferenceError, reasonOf } from "../../../errors.ts";
import type { ExecutorOptions } from "../../executor-provider.ts";
import { releaseAfter } from "../../release-after.ts";
import { invalidOption } from "../../assert-options.ts";

/** Products that a library computes, with its workspace. */
export interface LibraryProducts extends Disposable {
  /** The library with its version. */
  readonly description: string;
  /** @throws InferenceError `EXECUTOR_UNAVAILABLE` for a product that the library does not compute */
  product(request: RowProductRequest): RowProduct;
}

/** The memory that products use, and the stream that they run on. */
export interface ProductOwner {
  readonly pool: CudaMemoryPool;
  readonly stream: CudaStream;
  readonly model: string;
}

/**
 * Loads the library of products that the options name; `undefined` where they name none.
 * @throws InferenceError `INVALID_EXECUTOR_OPTIONS` where it cannot be loaded, or only its path is given
 */
export function loadProductLibrary({
  productLibrary = "none",
  productLibraryPath,
}: Pick<ExecutorOptions, "productLibrary" | "productLibraryPath">): CublasLibrary | undefined {
  if (productLibrary === "none") {
    if (productLibraryPath === undefined) return undefined;
    throw invalidOption("productLibraryPath", 'none without `productLibrary` "cublasLt"', productLibraryPath);
  }
  const libraryPaths = productLibraryPath === undefined ? undefined : [productLibraryPath];
  const library = openCublasLibrary({ libraryPaths });
  if (!("reason" in library)) return library;
  const expected = `"none", or a cuBLASLt of CUDA 12 or 13 that can be loaded (${library.reason})`;
  throw invalidOption("productLibrary", expected, productLibrary);
}

/**
 * Creates products with a workspace of so many bytes.
 * @throws InferenceError `EXECUTOR_UNAVAILABLE`; MemoryError `OUT_OF_MEMORY`
 */
export function createLibraryProducts(
  library: CublasLibrary,
  sizeBytes: number,
  { pool, stream, model }: ProductOwner,
): LibraryProducts {
  const tag = { model, purpose: "workspace", label: "cuBLASLt" } as const;
  const workspace = pool.allocate({ sizeBytes, tag, stream });
  try {
    const products = orUnavailable(() =>
      createRowProducts({ library, device: pool.device, stream, workspace }),
    );
    return {
      description: `cuBLASLt ${library.version}`,
      product: (request) => orUnavailable(() => products.product(request)),
      [Symbol.dispose]() {
        products.dispose();
        workspace.dispose();
      },
    };
  } catch (error) {
    return releaseAfter(error, () => workspace.dispose());
  }
}

/** What fails before anything was computed cannot be used at all. */
function orUnavailable<T>(call: () => T): T {
  try {
    return call();
  } catch (cause) {
    if (!(cause instanceof CudaError) || cause.code !== "CUBLAS_ERROR") throw cause;
    const message = `cuBLASLt cannot be used: ${reasonOf(cause)}`;
    throw new InferenceError("EXECUTOR_UNAVAILABLE", message, { cause });
  }
}
