// Products of many rows by cuBLASLt, on the shapes of the executor's own (product-steps.mjs).
import { spawnSync } from "node:child_process";
import { cuda, mib } from "../session.mjs";
import { withKernels } from "./kernel-device.mjs";
import { bfloat16, float16 } from "./numbers.mjs";
import { checkOutputs, gemmRows, shapes, weightTypes } from "./product-steps.mjs";

/** As the executor has it from compute capability 9.0 on. */
const workspaceBytes = 32 * mib;
const numbers = { bf16: bfloat16, f16: float16 };

/** Prints the libraries that packages of Python have, the newest first. */
const listInPython = `
import glob, sys
found = (glob.glob(folder + "/nvidia/cu*/lib/libcublasLt.so.1?") for folder in sys.path if folder)
print("\\n".join(sorted(sum(found, []), key=lambda path: path[-2:], reverse=True)))
`;

/** The library that is named, that the system finds, or that PyTorch has beside it; or why there is none. */
export function openCublas({ library, cublaslt }) {
  // The stand-in driver has its functions too.
  const named = library ?? cublaslt;
  if (named !== undefined) return cuda.openCublasLibrary({ libraryPaths: [named] });
  const found = cuda.openCublasLibrary();
  if (!("reason" in found)) return found;
  const { status, stdout } = spawnSync("python3", ["-c", listInPython], { encoding: "utf8" });
  const libraryPaths = status === 0 ? stdout.split("\n").filter(Boolean) : [];
  return libraryPaths.length === 0 ? found : cuda.openCublasLibrary({ libraryPaths });
}

/** Products by cuBLASLt, beside those of the executor's kernels. They are not recorded as graphs, as in the executor. */
export function measureCublas(options) {
  const library = openCublas(options);
  if ("reason" in library) return { status: "skipped", reason: `cuBLASLt is not there: ${library.reason}` };
  return withKernels(options, [], (kernels) => {
    const { device, stream } = kernels;
    const workspaceAddress = kernels.reserve(workspaceBytes);
    const workspace = kernels.blockOf(workspaceAddress);
    const products = cuda.createRowProducts({ library, device, stream, workspace });
    const figures = [];
    const checks = [];
    try {
      for (const name of ["bf16", "f16"]) {
        const type = weightTypes[name];
        for (const [n, k] of shapes(options.tiny).slice(0, 3)) {
          const matrix = type.create(kernels, n, k);
          for (const rows of gemmRows(options.tiny)) {
            const xAddress = kernels.random(rows * k * 2, name);
            const x = (row) =>
              Float64Array.from(kernels.get(xAddress, new Uint16Array(k), row * k * 2), numbers[name]);
            const out = kernels.poisoned(rows * n * 4);
            const request = { type: name, n, k, out, x: xAddress, weight: matrix[0], bias: undefined };
            const product = products.product(request);
            const time = kernels.timeMicroseconds(options.tiny ? 1 : 16, () => product.launch(rows), {
              rounds: options.tiny ? 1 : 5,
              isRecorded: false,
            });
            const what = `gemm ${name} ${n}×${k}, ${rows} rows`;
            const parts = { kernels, type, matrix, x, out, rows, n, k, limit: 2e-5 };
            checks.push(checkOutputs(`${what}, by cuBLASLt`, parts));
            figures.push({
              what,
              value: (2 * rows * n * k) / time.median / 1e6,
              unit: "TFLOP/s",
              spread: time.spread,
              microseconds: time.median,
              by: "cuBLASLt",
            });
            kernels.free(xAddress, out);
          }
          kernels.free(matrix[0]);
        }
      }
    } finally {
      stream.synchronizeBlocking();
      products.dispose();
    }
    kernels.free(workspaceAddress);
    return { version: library.version, path: library.path, figures, checks };
  });
}
