// Products of few and of many rows, on the shapes of an 8B model.
import { missingKernels, rotationCount, withKernels } from "./kernel-device.mjs";
import { assertClose, bfloat16, float16 } from "./numbers.mjs";

/** Numbers of a block of weights. */
export const blockSize = 32;

/** Outputs and columns. */
export const shapes = (isTiny) =>
  isTiny
    ? [[24, 256]]
    : [
        [4096, 4096],
        [28_672, 4096],
        [4096, 14_336],
        [128_256, 4096],
      ];

/** Rows of prompts. */
export const gemmRows = (isTiny) => (isTiny ? [40] : [512, 2048, 8192]);

/** How weights are stored: bytes of a matrix, the arguments of its kernels, and its rows in float64. */
export const weightTypes = {
  bf16: denseType("bf16", bfloat16),
  f16: denseType("f16", float16),
  q4: blockType(4),
  q8: blockType(8),
};

function denseType(kind, toNumber) {
  return {
    bytes: (n, k) => n * k * 2,
    extraArguments: [],
    create: (kernels, n, k) => [kernels.random(n * k * 2, kind), 0n],
    row: (kernels, { matrix: [data], k }, index) =>
      Float64Array.from(kernels.get(data, new Uint16Array(k), index * k * 2), toNumber),
  };
}

function blockType(bits) {
  const rowBytes = (k) => (k * bits) / 8;
  const scaleCount = (k) => k / blockSize;
  const scaleBytes = 4;
  return {
    bytes: (n, k) => n * (rowBytes(k) + scaleCount(k) * scaleBytes),
    extraArguments: [Math.log2(blockSize), 0],
    create: (kernels, n, k) => [
      kernels.random(n * rowBytes(k), "bytes"),
      kernels.random(n * scaleCount(k) * scaleBytes, "scales"),
    ],
    row(kernels, { matrix: [data, scales], k }, index) {
      const q = kernels.get(data, new Uint8Array(rowBytes(k)), index * rowBytes(k));
      const count = scaleCount(k);
      const scale = kernels.get(scales, new Float32Array(count), index * count * scaleBytes);
      return Float64Array.from({ length: k }, (_, at) => {
        const integer = bits === 8 ? q[at] : (q[at >> 1] >> (4 * (at & 1))) & 15;
        return scale[Math.floor(at / blockSize)] * (integer - 2 ** (bits - 1));
      });
    },
  };
}

/** Compares some of the outputs with products in float64. */
export function checkOutputs(what, { kernels, type, matrix, x, out, rows, n, k, limit }) {
  const got = [];
  const expected = [];
  for (let sample = 0; sample < 12; sample += 1) {
    const column = sample === 0 ? n - 1 : Math.floor(Math.random() * n);
    const weights = type.row(kernels, { matrix, k }, column);
    for (const row of new Set([0, rows - 1, Math.floor(Math.random() * rows)])) {
      got.push(kernels.get(out, new Float32Array(1), (row * n + column) * 4)[0]);
      const inputs = x(row);
      let sum = 0;
      for (let at = 0; at < k; at += 1) sum += weights[at] * inputs[at];
      expected.push(sum);
    }
  }
  return assertClose(what, { got, expected, limit });
}

/** Share of bandwidth of each way to share a row between warps; the best way is the figure. */
export function measureGemv(name) {
  return (options) => {
    const skipped = missingKernels(options);
    if (skipped !== undefined) return skipped;
    const module = name.startsWith("q") ? "gemv-blocks" : "gemv";
    return withKernels(options, [module], (kernels) => {
      const type = weightTypes[name];
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
        for (const rows of options.tiny ? [1, 2] : [1, 2, 4, 8]) {
          const xAddress = kernels.random(rows * k * 4, "f32");
          const x = (row) => kernels.get(xAddress, new Float32Array(k), row * k * 4);
          const counts = kernels.put(Int32Array.of(rows));
          let best;
          for (const warps of [1, 2, 4]) {
            const out = kernels.poisoned(rows * n * 4);
            const launch = (index) =>
              kernels.launch(
                `gemv_${name}_r${rows}`,
                { grid: [Math.ceil((n * warps) / 4), 1, 1], block: 128 },
                out,
                xAddress,
                tables[index % tables.length],
                0n,
                0n,
                counts,
                1,
                n,
                k,
                warps,
                ...type.extraArguments,
              );
            const count = options.tiny ? 2 : 2 * matrices.length;
            const time = kernels.timeMicroseconds(count, launch);
            const what = `gemv ${name} ${n}×${k}, ${rows} row(s)`;
            const matrix = matrices[(count - 1) % matrices.length];
            const parts = { kernels, type, matrix, x, out, rows, n, k, limit: 2e-5 };
            checks.push(checkOutputs(`${what}, ${warps} warp(s)`, parts));
            kernels.free(out);
            if (best === undefined || time.median < best.median) best = { ...time, warps, what };
          }
          const bytes = sizeBytes + rows * (n + k) * 4;
          figures.push({
            what: best.what,
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

/** Products by tensor cores. */
export function measureGemm(name) {
  return (options) => {
    const skipped = missingKernels(options);
    if (skipped !== undefined) return skipped;
    const isBlocks = name.startsWith("q");
    return withKernels(options, [isBlocks ? "gemm-blocks" : "gemm"], (kernels) => {
      const type = weightTypes[name];
      const entry = isBlocks ? `gemm_${name}_bf16_128` : `gemm_${name}_128`;
      const xNumber = name === "f16" ? float16 : bfloat16;
      const stages = isBlocks ? 2 : 3;
      const figures = [];
      const checks = [];
      for (const [n, k] of shapes(options.tiny).slice(0, 3)) {
        const matrix = type.create(kernels, n, k);
        const table = kernels.put(BigInt64Array.of(...matrix, 0n, 0n, 0n, 0n));
        for (const rows of gemmRows(options.tiny)) {
          const xAddress = kernels.random(rows * k * 2, name === "f16" ? "f16" : "bf16");
          const x = (row) =>
            Float64Array.from(kernels.get(xAddress, new Uint16Array(k), row * k * 2), xNumber);
          const out = kernels.poisoned(rows * n * 4);
          const counts = kernels.put(Int32Array.of(rows));
          const geometry = {
            grid: [Math.ceil(n / 128), Math.ceil(rows / 128), 1],
            block: 256,
            dynamicSharedBytes: stages * (128 + 128) * 64,
          };
          const time = kernels.timeMicroseconds(
            options.tiny ? 1 : 4,
            () =>
              kernels.launch(
                entry,
                geometry,
                out,
                xAddress,
                table,
                0n,
                0n,
                counts,
                1,
                n,
                k,
                ...type.extraArguments,
                0n,
                0,
                0n,
                0,
              ),
            { rounds: options.tiny ? 1 : 5 },
          );
          const what = `gemm ${name} ${n}×${k}, ${rows} rows`;
          // Weights in blocks become bf16 on their way.
          const limit = isBlocks ? 2 ** -8 : 2e-5;
          checks.push(checkOutputs(what, { kernels, type, matrix, x, out, rows, n, k, limit }));
          const value = (2 * rows * n * k) / time.median / 1e6;
          figures.push({ what, value, unit: "TFLOP/s", spread: time.spread, microseconds: time.median });
          kernels.free(xAddress, out, counts);
        }
        kernels.free(table, ...matrix.filter((address) => address !== 0n));
      }
      return { figures, checks };
    });
  };
}
