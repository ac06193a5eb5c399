// Products of up to 16 rows by tensor cores, of inputs in 16 bits, on the shapes of an 8B model.
import { missingKernels, rotationCount, withKernels } from "./kernel-device.mjs";
import { bfloat16, float16 } from "./numbers.mjs";
import { blockSize, checkOutputs, shapes, weightTypes } from "./product-steps.mjs";

const outputsOfBlock = 16;
/** Tensor cores add in an order and with a rounding of their own. */
const limit = 2e-4;

function sharedBytes(name, { warps, most }) {
  if (!name.startsWith("q")) return warps * outputsOfBlock * most * 4;
  const bits = Number(name.slice(1));
  return warps * 4 * (1024 + 128 * Math.max(4, 512 / bits / blockSize));
}

/** Share of bandwidth of each count of warps that share 16 outputs; the best one is the figure. */
export function measureGemvMma(name) {
  return (options) => {
    const skipped = missingKernels(options);
    if (skipped !== undefined) return skipped;
    const isBlocks = name.startsWith("q");
    return withKernels(options, [isBlocks ? "gemv-mma-blocks" : "gemv-mma"], (kernels) => {
      const type = weightTypes[name];
      const xKind = name === "f16" ? "f16" : "bf16";
      const xNumber = name === "f16" ? float16 : bfloat16;
      const figures = [];
      const checks = [];
      for (const [n, k] of shapes(options.tiny)) {
        const sizeBytes = type.bytes(n, k);
        const matrices = Array.from({ length: rotationCount(kernels, sizeBytes) }, () =>
          type.create(kernels, n, k),
        );
        const tables = matrices.map(([data, scales]) =>
          kernels.put(BigInt64Array.of(data, scales, 0n, 0n, 0n, 0n)),
        );
        for (const rows of options.tiny ? [3] : [1, 8, 16]) {
          const most = rows <= 8 ? 8 : 16;
          const xAddress = kernels.random(rows * k * 2, xKind);
          const x = (row) =>
            Float64Array.from(kernels.get(xAddress, new Uint16Array(k), row * k * 2), xNumber);
          const counts = kernels.put(Int32Array.of(rows));
          const what = `gemv of 16 bits, ${name} ${n}×${k}, ${rows} row(s)`;
          let best;
          for (const warps of [2, 4, 8]) {
            const out = kernels.poisoned(rows * n * 4);
            const geometry = {
              grid: [Math.ceil(n / outputsOfBlock), 1, 1],
              block: 32 * warps,
              dynamicSharedBytes: sharedBytes(name, { warps, most }),
            };
            const rest = [...(isBlocks ? [Math.log2(blockSize)] : []), 0n, 0, 0n, 0];
            const launch = (index) => {
              const table = tables[index % tables.length];
              const common = [out, xAddress, table, 0n, 0n, counts, 1, n, k, most];
              kernels.launch(`gemv_mma_${name}_${most}`, geometry, ...common, ...rest);
            };
            const count = options.tiny ? 2 : 2 * matrices.length;
            const time = kernels.timeMicroseconds(count, launch);
            const matrix = matrices[(count - 1) % matrices.length];
            const parts = { kernels, type, matrix, x, out, rows, n, k, limit };
            checks.push(checkOutputs(`${what}, ${warps} warp(s)`, parts));
            kernels.free(out);
            if (best === undefined || time.median < best.median) best = { ...time, warps };
          }
          const bytes = sizeBytes + rows * (k * 2 + n * 4);
          figures.push({
            what,
            value: bytes / best.median / 1e6,
            unit: "TB/s",
            spread: best.spread,
            warps: best.warps,
            microseconds: best.median,
          });
          kernels.free(xAddress, counts);
        }
        kernels.free(...tables, ...matrices.flat().filter((address) => address !== 0n));
      }
      return { figures, checks };
    });
  };
}
