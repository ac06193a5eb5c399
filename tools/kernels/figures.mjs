// Static figures of the kernels, and a roofline on paper, for docs/cuda-figures.md.
//   node tools/kernels/figures.mjs            writes the document
//   node tools/kernels/figures.mjs --check    fails where the document does not fit manifests and PTX
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "../setup.mjs";
import { parseOptions } from "../parse-options.mjs";
import { formatCounts } from "./format-counts.mjs";
import { share, table, thousands } from "./tables.mjs";

export const figuresPath = join(root, "docs/cuda-figures.md");
const inference = join(root, "packages/inference");
const names = readdirSync(join(inference, "ptx"))
  .filter((name) => name.endsWith(".ptx"))
  .map((name) => name.slice(0, -".ptx".length))
  .toSorted();

/** A manifest is an object literal with names of the language: read as a module without its type. */
async function readManifest(name) {
  const file = join(inference, "src/executors/cuda/kernels/manifests", `${name}.ts`);
  const text = readFileSync(file, "utf8").replace(/\} as const;\s*$/u, "};");
  const [manifest] = Object.values(await import(`data:text/javascript,${encodeURIComponent(text)}`));
  return manifest;
}

/** Limits of a multiprocessor by compute capability: CUDA C++ Programming Guide, "Technical Specifications". */
const chips = {
  sm_80: { warps: 64, blocks: 32, sharedKib: 164 },
  sm_86: { warps: 48, blocks: 16, sharedKib: 100 },
  sm_89: { warps: 48, blocks: 24, sharedKib: 100 },
  sm_90: { warps: 64, blocks: 32, sharedKib: 228 },
  sm_120: { warps: 48, blocks: 24, sharedKib: 100 },
};
const [registersEach, registerUnit, warpUnit, sharedUnit, systemShared] = [65_536, 256, 4, 128, 1024];

/** Dynamic shared memory of a launch, as the heads of the sources say; undefined where it depends on the network. */
function dynamicSharedBytes(module, entry) {
  const last = Number(entry.split("_").at(-1));
  switch (module) {
    case "gemm":
      return (last >= 64 ? 3 : 4) * (last + 128) * 64;
    case "gemm-blocks":
      return 2 * (last + 128) * 64;
    case "attention-prefill-bf16":
    case "attention-prefill-i8": {
      const tile = last > 96 ? 32 : 64;
      return (
        (64 + 2 * tile) * (last + 8) * 2 + (module === "attention-prefill-i8" ? 2 * tile * (last + 4) : 0)
      );
    }
    case "attention-decode-bf16":
      return (last > 128 ? 2 : 4) * 2 * (32 * (last * 2 + 16));
    case "attention-decode-i8":
      return (last > 128 ? 2 : 4) * 2 * (32 * (last + 16) + 128);
    default:
      return undefined;
  }
}

/** The share of a multiprocessor's warps that can be resident at once. */
function occupancy(chip, { registers, threads, sharedBytes }) {
  const { warps, blocks, sharedKib } = chips[chip];
  const blockWarps = Math.ceil(threads / 32);
  const registersOfWarp = Math.ceil((registers * 32) / registerUnit) * registerUnit;
  const warpsOfRegisters = Math.floor(registersEach / registersOfWarp / warpUnit) * warpUnit;
  const shared = Math.ceil(sharedBytes / sharedUnit) * sharedUnit + systemShared;
  const resident = Math.min(
    blocks,
    Math.floor(warps / blockWarps),
    Math.floor(warpsOfRegisters / blockWarps),
    Math.floor((sharedKib * 1024) / shared),
  );
  return (resident * blockWarps) / warps;
}

/** The instructions of a kernel, and of its loops that have no other loop within. */
function readCode(ptx, entry) {
  const [, body] = new RegExp(`\\.entry ${entry}\\([^)]*\\)[^{]*\\{([\\s\\S]*?)\\n\\}`, "u").exec(ptx) ?? [];
  if (body === undefined) throw new Error(`expected ${entry} in PTX, got none`);
  const lines = [];
  const labels = new Map();
  for (const text of body.split(/\n|(?<=;)/u)) {
    const line = text.trim();
    const label = /^(\$?\w+):$/u.exec(line)?.[1];
    if (label !== undefined) labels.set(label, lines.length);
    else if (/^(?:@!?%p\d+\s+)?[a-z][\w.:]*(?:\s|;)/u.test(line)) lines.push(line);
  }
  const loops = [];
  lines.forEach((line, end) => {
    const start = labels.get(/\bbra(?:\.uni)?\s+(\$?\w+)/u.exec(line)?.[1]);
    if (start !== undefined && start <= end) loops.push({ start, end });
  });
  const inner = loops.filter(
    (loop) => !loops.some((other) => other !== loop && other.start >= loop.start && other.end <= loop.end),
  );
  return { lines, loops: inner.map(({ start, end }) => lines.slice(start, end + 1)) };
}

const weightLoad = /^(?:@!?%p\d+\s+)?ld\.global[\w.:]*no_allocate\.v(?<words>[24])\.u32/u;
const bytesOfWeights = (line) => 4 * Number(weightLoad.exec(line)?.groups.words ?? 0);

/** Instructions of a thread for each byte of weights, in the loop that reads the most of them. */
function instructionsPerByte(ptx, entry) {
  const counted = readCode(ptx, entry).loops.map((lines) => ({
    instructions: lines.length,
    bytes: lines.reduce((sum, line) => sum + bytesOfWeights(line), 0),
  }));
  const most = counted.toSorted((a, b) => b.bytes - a.bytes).at(0);
  if (most === undefined || most.bytes === 0) {
    throw new Error(`${entry}: expected a loop that reads weights, got none`);
  }
  return most.instructions / most.bytes;
}

/** Instructions of a warp for each product of tensor cores, in the loop with the most of them. */
function instructionsPerProduct(ptx, entry) {
  const counted = readCode(ptx, entry).loops.map((lines) => ({
    instructions: lines.length,
    products: lines.filter((line) => line.includes("mma.sync")).length,
  }));
  const most = counted.toSorted((a, b) => b.products - a.products).at(0);
  if (most === undefined || most.products === 0) {
    throw new Error(`${entry}: expected a loop of products, got none`);
  }
  return most.instructions / most.products;
}

/**
 * Public specifications. H200 SXM: data sheet (4.8 TB/s, 989 TFLOP/s of dense bf16), 132 multiprocessors at 1.98 GHz. RTX
 * 4090: "NVIDIA Ada GPU Architecture", appendix (1,008 GB/s, 165.2 TFLOP/s with float32 sums, 128 at 2.52 GHz). L4: data
 * sheet (300 GB/s, 24 GB, 121 TFLOP/s dense), 58 at 2.04 GHz.
 */
const cards = [
  { name: "H200", memoryGb: 141, bandwidth: 4.8e12, peak: 989e12, multiprocessors: 132, clock: 1.98e9 },
  {
    name: "RTX 4090",
    memoryGb: 24,
    bandwidth: 1.008e12,
    peak: 165.2e12,
    multiprocessors: 128,
    clock: 2.52e9,
  },
  { name: "L4", memoryGb: 24, bandwidth: 0.3e12, peak: 121e12, multiprocessors: 58, clock: 2.04e9 },
];
/** Of the issue slots: four instructions of a warp in each cycle. */
const threadInstructions = ({ multiprocessors, clock }) => multiprocessors * clock * 4 * 32;

/** The shape of Llama 3.1 8B. */
const model = { layers: 32, hidden: 4096, wide: 14_336, heads: 32, kvHeads: 8, headDim: 128, vocab: 128_256 };
const layerWeights =
  2 * model.hidden * model.heads * model.headDim +
  2 * model.hidden * model.kvHeads * model.headDim +
  3 * model.hidden * model.wide;
const readWeights = model.layers * layerWeights + model.vocab * model.hidden;
const allWeights = readWeights + model.vocab * model.hidden;
const tokenBytes = 2 * model.layers * model.kvHeads * model.headDim * 2;
const contextTokens = 1024;
const storedWeights = [
  { name: "bf16", bits: 16 },
  { name: "4 bits, a scale of 16 bits for 32", bits: 4.5 },
];

function decodeRate(card, bits, streams) {
  const weightBytes = (readWeights * bits) / 8;
  const cacheBytes = streams * contextTokens * tokenBytes;
  if ((allWeights * bits) / 8 + cacheBytes > card.memoryGb * 1e9) return "does not fit";
  const attention = 4 * model.layers * model.heads * model.headDim * contextTokens;
  const flops = streams * (2 * readWeights + attention);
  const [memorySeconds, productSeconds] = [(weightBytes + cacheBytes) / card.bandwidth, flops / card.peak];
  return thousands(streams / Math.max(memorySeconds, productSeconds));
}

function prefillRate(card, tokens) {
  const attention = 2 * model.layers * model.heads * model.headDim * tokens * tokens;
  return thousands((tokens * card.peak) / (2 * model.layers * layerWeights * tokens + attention));
}

/** The document. */
export async function formatFigures() {
  const modules = await Promise.all(
    names.map(async (name) => ({
      name,
      manifest: await readManifest(name),
      ptx: readFileSync(join(inference, "ptx", `${name}.ptx`), "utf8"),
    })),
  );
  const chipNames = Object.keys(chips);
  const kernelRows = modules.flatMap(({ name, manifest, ptx }) =>
    Object.entries(manifest.entries).map(
      ([entry, { registers, maxThreads, staticSharedBytes, usesDynamicShared }]) => {
        const dynamic = usesDynamicShared ? dynamicSharedBytes(name, entry) : 0;
        const sharedBytes = dynamic === undefined ? undefined : staticSharedBytes + dynamic;
        return [
          `\`${entry}\``,
          maxThreads,
          sharedBytes ?? `${staticSharedBytes} and that of the launch`,
          readCode(ptx, entry).lines.length,
        ].concat(
          chipNames.map((chip) => {
            const count = registers?.[chip];
            if (count === undefined) return "";
            if (sharedBytes === undefined) return `${count}`;
            return `${count}, ${share(occupancy(chip, { registers: count, threads: maxThreads, sharedBytes }))}`;
          }),
        );
      },
    ),
  );
  const readerRows = modules
    .filter(({ name }) => name === "gemv" || name === "gemv-mma")
    .flatMap(({ manifest, ptx }) =>
      Object.keys(manifest.entries).map((entry) => {
        const perByte = instructionsPerByte(ptx, entry);
        const shares = cards.map((card) => share((card.bandwidth * perByte) / threadInstructions(card)));
        return [`\`${entry}\``, perByte.toFixed(2)].concat(shares);
      }),
    );
  const productRows = modules
    .filter(({ name }) => name === "gemm")
    .flatMap(({ manifest, ptx }) =>
      Object.keys(manifest.entries).map((entry) => [
        `\`${entry}\``,
        instructionsPerProduct(ptx, entry).toFixed(1),
      ]),
    );
  const loadedGb = (allWeights * 2) / 1e9;

  return `# Static figures of the CUDA kernels

Written by \`node tools/kernels/figures.mjs\`; \`--check\`, which \`tools/kernels/check.mjs\` does too, fails where this does not fit the manifests and the PTX. **Nothing here was measured on a GPU**: these are counts, published rules and arithmetic. What runs where is in [CUDA kernels](cuda.md).

## Roofline on paper

The most that an 8B model (the shape of Llama 3.1 8B: ${(allWeights / 1e9).toFixed(2)} billion weights, of which a step reads ${(readWeights / 1e9).toFixed(2)} billion; ${tokenBytes / 1024} KiB of bf16 keys and values a token) can reach by the published bandwidth and peak of a card. A step takes the longer of its bytes over the bandwidth and its products over the peak; nothing else costs time. Real programs stay below.

| card | bandwidth | dense bf16 | memory | from |
| --- | --- | --- | --- | --- |
| H200 | 4.8 TB/s | 989 TFLOP/s | 141 GB | data sheet of the H200 |
| RTX 4090 | 1.008 TB/s | 165.2 TFLOP/s (float32 sums) | 24 GB | NVIDIA Ada GPU Architecture, appendix |
| L4 | 0.3 TB/s | 121 TFLOP/s | 24 GB | data sheet of the L4 |

Decode, tokens/s of all streams, contexts of ${thousands(contextTokens)} tokens:

${table(
  ["weights", "streams", ...cards.map(({ name }) => name)],
  storedWeights.flatMap(({ name, bits }) =>
    [1, 8, 64].map((streams) => [name, streams].concat(cards.map((card) => decodeRate(card, bits, streams)))),
  ),
)}

Prefill of one prompt, tokens/s, bf16 products. On Hopper the instruction \`mma.sync\`, which the kernels use, is publicly reported to end at about 65 % of the peak:

${table(
  ["tokens", ...cards.map(({ name }) => name)],
  [512, 2048, 8192].map((tokens) =>
    [thousands(tokens)].concat(cards.map((card) => prefillRate(card, tokens))),
  ),
)}

## Loading

An 8B model of bf16 has ${loadedGb.toFixed(1)} GB.

| part | rate | seconds |
| --- | --- | --- |
| PCIe 5.0, 16 lanes | 63.0 GB/s (32 GT/s · 16 · 128/130) | ${(loadedGb / 63).toFixed(2)} |
| PCIe 4.0, 16 lanes | 31.5 GB/s | ${(loadedGb / 31.5).toFixed(2)} |
| a disk with PCIe 4.0, 4 lanes | 7.9 GB/s | ${(loadedGb / 7.9).toFixed(2)} |

To be ready within 4 s, ${(loadedGb / 4).toFixed(1)} GB/s must pass from the page cache through pinned memory: ${(loadedGb / 16).toFixed(1)} GB/s by each of the 4 lanes that read files. The bus is not the limit; the copy of the page cache is.

## Reading weights

Instructions of a thread for each byte of weights, counted in the PTX of the loop that reads the most at once, and the share of a card's issue slots (multiprocessors · clock · 4 · 32) that they take at full bandwidth. Above 100 %, instructions and not memory are the limit. An assembler may need fewer or more. Kernels for weights in blocks are not here: their loops branch by the format of a matrix, so that lines of PTX are not what runs.

${table(["kernel", "instructions a byte", ...cards.map(({ name }) => name)], readerRows)}

Instructions of a warp for each product of tensor cores (\`mma.sync\`), in the loop with the most of them:

${table(["kernel", "instructions a product"], productRows)}

## Memory as launches use it

Counted while the PTX ran on a processor ([how](cuda.md#counting-memory)), by published rules, with launches of the shape of an 8B model: all columns of few outputs, 128 rows of products, 32 heads of 8 kv heads at 381 positions, a prompt of 128 tokens.

* **KiB asked for**: different bytes of each request of a warp to global memory; **moved**: sectors of 32 bytes that have them. What caches keep is not known here: a sector that two requests ask for counts twice.
* **Loads**, **stores**: the fewest sectors that could have what a request asks for, as a share of those it touches.
* **Shared loads**, **shared stores** (\`ldmatrix\` and the ends of asynchronous copies too): passes over the banks for each pass that there would be without conflicts.
* **Instructions** of PTX that warps issue, all of a launch, and for each product of tensor cores (\`mma.sync\`); **bytes an operation**: bytes moved for each multiplication and addition of those.
* **Worst instruction**: the one that moves the most more than it must, how many times as much, and where it is in the sources.

${formatCounts()}

## Registers, shared memory and occupancy

Registers by \`ptxas\` from the manifests, and the share of a multiprocessor's warps that can be resident with as many threads as a block can have (rules: CUDA C++ Programming Guide, technical specifications by compute capability; 64 Ki registers, given to warps by 256; 1 KiB of shared memory of each block is the system's). Shared memory is in bytes; kernels that are launched with less, or with a size that depends on the network, have no share here. \`PTX\`: instructions of the whole kernel.

${table(["kernel", "threads", "shared", "PTX", ...chipNames], kernelRows)}
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseOptions({
    help: `Writes docs/cuda-figures.md: node tools/kernels/figures.mjs [--check]
  --check   only compares it, and fails where it is another
`,
    options: { check: true },
  });
  const text = await formatFigures();
  if (!values.check) {
    writeFileSync(figuresPath, text);
  } else if (readFileSync(figuresPath, "utf8") !== text) {
    throw new Error("docs/cuda-figures.md: expected other figures: run node tools/kernels/figures.mjs");
  }
}
