import { argmax } from "../kernels/manifests/argmax.ts";
import { editLogits } from "../kernels/manifests/edit-logits.ts";
import { embed } from "../kernels/manifests/embed.ts";
import { experts } from "../kernels/manifests/experts.ts";
import { feed } from "../kernels/manifests/feed.ts";
import { logprobs } from "../kernels/manifests/logprobs.ts";
import { rows as rowKernels } from "../kernels/manifests/rows.ts";
import { sample } from "../kernels/manifests/sample.ts";
import type { CaseSizes } from "./case-sizes.ts";
import { input, integers, type KernelCase, output } from "./kernel-case.ts";
import { NumberSource } from "./number-source.ts";

const rows = 3;
const counts = integers(rows);
/** As `logprobs.cu` writes of a row. */
const rankedInts = 46;

/** Rows that are looked up, copied and mixed, and the tokens that are taken of rows of logits. */
export function rowCases({ rows: sizes }: CaseSizes): readonly KernelCase[] {
  return [...embeddings(sizes), ...copies(sizes), ...mixtures(sizes), ...choices(sizes)];
}

function embeddings({ width }: CaseSizes["rows"]): readonly KernelCase[] {
  const numbers = new NumberSource(2);
  const [vocab, blockSize] = [8, 32];
  const indices = integers(7, 0, 3);
  const out = output("float32", rows * width);
  const geometry = { manifest: embed, grid: rows, block: 64 } as const;
  const dense = (entry: string, table: KernelCase["args"][number]): KernelCase => ({
    ...geometry,
    entry,
    args: [out, table, indices, counts, width],
  });
  const blocks = width / blockSize;
  const quantized = (bits: 4 | 8): KernelCase => ({
    ...geometry,
    entry: `embed_q${bits}`,
    args: [
      out,
      input(numbers.bytes((vocab * width * bits) / 8)),
      input(numbers.positive(vocab * blocks)),
      input(numbers.bytes((vocab * blocks * bits) / 8)),
      input(numbers.float32(vocab * blocks)),
      indices,
      counts,
      width,
      blockSize,
      blocks,
    ],
  });
  return [
    dense("embed_f32", input(numbers.float32(vocab * width))),
    dense("embed_f16", input(numbers.float16(vocab * width))),
    dense("embed_bf16", input(numbers.bfloat16(vocab * width))),
    quantized(4),
    quantized(8),
  ];
}

function copies({ width }: CaseSizes["rows"]): readonly KernelCase[] {
  const numbers = new NumberSource(3);
  const x = input(numbers.float32(rows * width));
  const geometry = { manifest: rowKernels, grid: rows, block: 64 } as const;
  return [
    {
      ...geometry,
      entry: "gather_rows",
      args: [output("float32", rows * width), x, integers(2, 2, 0), counts, 1, width],
    },
    {
      ...geometry,
      entry: "repeat_rows",
      grid: 2 * rows,
      args: [output("float32", 2 * rows * width), x, counts, 2, width],
    },
    {
      ...geometry,
      entry: "slice_rows",
      args: [output("float32", rows * 4 * 5), x, counts, 1, 4, width / 4, 3, 5],
    },
    {
      ...geometry,
      entry: "rotate_blocks",
      grid: [rows, width / 32],
      block: 16,
      args: [output("float32", rows * width), x, counts, 1, width, 32],
    },
  ];
}

function mixtures({ width }: CaseSizes["rows"]): readonly KernelCase[] {
  const numbers = new NumberSource(4);
  const [expertCount, perToken] = [40, 2];
  return [
    {
      manifest: experts,
      entry: "route_tokens",
      grid: rows,
      block: 32,
      sharedBytes: expertCount * 4,
      args: [
        output("int32", rows * perToken),
        output("float32", rows * perToken),
        input(numbers.float32(rows * expertCount, 4)),
        counts,
        expertCount,
        perToken,
        1,
      ],
    },
    {
      manifest: experts,
      entry: "group_rows",
      grid: 3,
      block: 256,
      sharedBytes: 3 * 4,
      // A tile of the first expert, two of the last one, and one without rows; tiles have four rows.
      args: [
        output("int32", 4),
        output("int32", 4 * 4),
        integers(2, 0, 2, 2, 2, 2),
        counts,
        perToken,
        3,
        2,
        4,
      ],
    },
    {
      manifest: experts,
      entry: "join_experts",
      grid: rows,
      block: 64,
      args: [
        output("float32", rows * width),
        input(numbers.float32(rows * perToken * width)),
        input(numbers.positive(rows * perToken)),
        counts,
        perToken,
        width,
      ],
    },
  ];
}

function choices({ vocab, tokenCount }: CaseSizes["rows"]): readonly KernelCase[] {
  const numbers = new NumberSource(5);
  const logits = input(numbers.float32(rows * vocab, 8));
  const tokens = output("int32", rows);
  const status = output("int32", 2 * rows);
  // Temperature, the exponent below which nothing has a weight, top-p, the number that is drawn.
  const parameters = input(Float64Array.of(1, -50, 0.9, 0.3, 0.5, -2, 1, 0.75, 2, -50, 1, 0.6));
  return [
    {
      manifest: argmax,
      entry: "argmax",
      grid: rows,
      block: 256,
      args: [tokens, status, logits, counts, 1, vocab, tokenCount],
    },
    {
      manifest: sample,
      entry: "sample",
      grid: rows,
      block: 512,
      args: [tokens, status, logits, parameters, integers(0, 0, 40), counts, 1, vocab, tokenCount],
    },
    {
      manifest: logprobs,
      entry: "likeliest_tokens",
      grid: rows,
      block: 512,
      // The last one wants nothing.
      args: [
        output("int32", rows * rankedInts, { initial: new Int32Array(rows * rankedInts) }),
        output("float32", rows * vocab, { initial: new Float32Array(rows * vocab) }),
        // So far apart that their exponentials are exact: the bits of a sum are compared.
        input(Float32Array.from({ length: rows * vocab }, (_, at) => -1000 * ((at * 37) % 257))),
        integers(20, 3, -1),
        counts,
        1,
        vocab,
      ],
    },
    {
      manifest: logprobs,
      entry: "token_ranks",
      grid: rows,
      block: 512,
      // Of the second one no token was taken.
      args: [
        output("int32", rows * rankedInts, { initial: new Int32Array(rows * rankedInts) }),
        logits,
        integers(990, -1, 7),
        integers(0, 0, 20),
        counts,
        1,
        vocab,
      ],
    },
    {
      manifest: editLogits,
      entry: "edit_logits",
      grid: [rows, 2],
      block: 256,
      args: [
        // Bits of numbers, some of which are infinite.
        output("int32", rows * vocab, { initial: numbers.float32(rows * vocab, 8) }),
        // A row with biases and penalties, one with suppressed tokens and a mask, one that stays.
        integers(0, 2, 5, 5, 5, 5, 5, 7, 7, 7, 7, 7),
        integers(3, 989, 3, 400, 17, 250, 700),
        input(Float64Array.of(-1.7, 2.3, 0, 1, 4, 0, 0)),
        input(Float64Array.of(1.3, 0.2, -0.4, 1, 0, 0, 1, 0, 0)),
        integers(-1, 0, -1),
        integers(...Array.from({ length: Math.ceil(vocab / 32) }, (_, at) => Math.imul(at + 1, 0x9e37_79b1))),
        counts,
        1,
        vocab,
        tokenCount,
      ],
    },
    {
      manifest: feed,
      entry: "feed_tokens",
      grid: 1,
      block: 32,
      // Two that are known, and one of each row; the last row could not be sampled.
      args: [
        output("int32", 5, { initial: Int32Array.of(70, 71, 72, 73, 74) }),
        integers(-1, 2, 0, -1, 1),
        integers(500, 600, -1),
        integers(5),
      ],
    },
  ];
}
