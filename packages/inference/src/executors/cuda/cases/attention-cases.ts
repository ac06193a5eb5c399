import { attention } from "../kernels/manifests/attention.ts";
import { attentionDecode } from "../kernels/manifests/attention-decode.ts";
import { attentionDecodeBf16 } from "../kernels/manifests/attention-decode-bf16.ts";
import { attentionDecodeI8 } from "../kernels/manifests/attention-decode-i8.ts";
import { attentionJoin } from "../kernels/manifests/attention-join.ts";
import { attentionPrefillBf16 } from "../kernels/manifests/attention-prefill-bf16.ts";
import { attentionPrefillI8 } from "../kernels/manifests/attention-prefill-i8.ts";
import { normRotateAppend } from "../kernels/manifests/norm-rotate-append.ts";
import { rotateAppend } from "../kernels/manifests/rotate-append.ts";
import type { AttentionSizes, CaseSizes } from "./case-sizes.ts";
import {
  type CaseArgument,
  type CaseNumbers,
  input,
  integers,
  type KernelCase,
  output,
  type OutputType,
} from "./kernel-case.ts";
import { NumberSource } from "./number-source.ts";

const pageTokens = 16;
/** Weights are rounded to 16 bits. */
const rounded = { tolerance: 2 ** -7 };

type PageType = "float32" | "bfloat16" | "float16" | "int8";
const names: Readonly<Record<PageType, string>> = {
  float32: "f32",
  bfloat16: "bf16",
  float16: "f16",
  int8: "i8",
};

/** How kernels call the types that they write: store-as.cuh. */
const outTypes = { float32: 0, bfloat16: 1, float16: 2 } as const;
type OutType = keyof typeof outTypes;

const tensorTypes = ["bfloat16", "int8"] as const;
const tensorHeadDims = [64, 80, 96, 128, 256];

/** Attention to pages, and what writes them. */
export function attentionCases({ attention: sizes }: CaseSizes): readonly KernelCase[] {
  const source: Source = { numbers: new NumberSource(9), sizes };
  return [
    ...(["float32", "bfloat16", "int8"] as const).map((type) => anyAttention(source, type)),
    ...(["float32", "bfloat16", "int8"] as const).map((type) => anyDecode(source, type)),
    ...tensorTypes.flatMap((type) => tensorHeadDims.map((headDim) => tensorDecode(source, type, headDim))),
    join(source),
    ...tensorTypes.flatMap((type) => tensorHeadDims.map((headDim) => prefill(source, type, headDim))),
    ...(["float32", "bfloat16", "float16", "int8"] as const).map((type) => normRotated(source, type)),
    ...(["float32", "bfloat16", "int8"] as const).map((type) => rotated(source, type)),
  ];
}

/** What cases are made of. */
interface Source {
  readonly numbers: NumberSource;
  readonly sizes: AttentionSizes;
}

/** Pages of keys or values, and scales where there are any. */
function pagesOf({ numbers, sizes }: Source, type: PageType, headDim: number): [CaseArgument, CaseArgument] {
  const rows = sizes.table.length * sizes.kvHeads * pageTokens;
  const stored: CaseNumbers = numbers[type](rows * headDim);
  if (type !== "int8") return [input(stored), undefined];
  return [input(stored), input(numbers.positive(rows).map((scale) => scale / 128))];
}

function anyAttention(source: Source, type: PageType): KernelCase {
  const { numbers, sizes } = source;
  const { heads, kvHeads, table, position } = sizes;
  const [headDim, tokens] = [sizes.headDims.any, 2];
  const [keys, keyScales] = pagesOf(source, type, headDim);
  const [values, valueScales] = pagesOf(source, type, headDim);
  return {
    manifest: attention,
    entry: `attention_${names[type]}`,
    grid: [tokens, heads],
    block: 32,
    args: [
      output("float32", tokens * heads * headDim),
      input(numbers.float32(tokens * heads * headDim)),
      keys,
      values,
      ...(type === "int8" ? [keyScales, valueScales] : []),
      input(numbers.float32(heads)),
      integers(position, 7),
      integers(0, 0),
      integers(...table),
      integers(tokens),
      table.length,
      pageTokens,
      kvHeads,
      headDim,
      20,
      headDim ** -0.5,
      4,
      outTypes.float32,
    ],
  };
}

interface PieceCase {
  readonly headDim: number;
  readonly tokens: number;
  /** Position of the first token. */
  readonly first: number;
  /** [float32] */
  readonly out?: OutType;
  /** Whether tensor cores round queries and weights. [false] */
  readonly isRounded?: boolean;
}

/** What kernels of pieces take of one piece. */
function pieceArguments(
  source: Source,
  type: PageType,
  { headDim, tokens, first, out = "float32", isRounded = false }: PieceCase,
): readonly CaseArgument[] {
  const { heads, kvHeads, table } = source.sizes;
  const q = input(source.numbers.float32(tokens * heads * headDim));
  const [keys, keyScales] = pagesOf(source, type, headDim);
  const [values, valueScales] = pagesOf(source, type, headDim);
  return [
    output(out, tokens * heads * headDim, isRounded ? rounded : {}),
    undefined,
    q,
    keys,
    values,
    keyScales,
    valueScales,
    undefined,
    integers(0),
    integers(tokens),
    integers(first),
    integers(...Array.from({ length: tokens }, () => 0)),
    integers(...table),
    table.length,
    heads,
    kvHeads,
    headDim,
    0,
    headDim ** -0.5,
    0,
    outTypes[out],
  ];
}

function anyDecode(source: Source, type: "float32" | "bfloat16" | "int8"): KernelCase {
  const { kvHeads, position, headDims } = source.sizes;
  const [headDim, tokens] = [headDims.decode, 2];
  const [tile, stages] = type === "float32" ? [16, 1] : [32, 2];
  const bytes = { float32: 4, bfloat16: 2, int8: 1 }[type];
  return {
    manifest: attentionDecode,
    entry: `attention_decode_${names[type]}`,
    grid: [kvHeads, 1, 1],
    block: 128,
    sharedBytes: 8 * headDim * 4 + stages * 2 * tile * (headDim * bytes + 16),
    args: pieceArguments(source, type, { headDim, tokens, first: position }),
  };
}

/** Kernels with pages of bf16 write what products of 16 bits read. */
function tensorOutput(type: (typeof tensorTypes)[number]): {
  readonly isRounded: true;
  readonly out: OutType;
} {
  return { isRounded: true, out: type === "int8" ? "float32" : "bfloat16" };
}

function tensorDecode(source: Source, type: (typeof tensorTypes)[number], headDim: number): KernelCase {
  const { kvHeads, position } = source.sizes;
  const tokens = 2;
  const warps = headDim > 128 ? 2 : 4;
  const pageBytes = type === "int8" ? 2 * 16 * (headDim + 16) + 128 : 2 * 16 * (2 * headDim + 16);
  return {
    manifest: type === "int8" ? attentionDecodeI8 : attentionDecodeBf16,
    entry: `attention_decode_${headDim}`,
    grid: [kvHeads, 1, 1],
    block: 32 * warps,
    sharedBytes: warps * 2 * pageBytes,
    args: pieceArguments(source, type, { headDim, tokens, first: position, ...tensorOutput(type) }),
  };
}

function join({ numbers, sizes }: Source): KernelCase {
  const { heads, headDims } = sizes;
  const [tokens, headDim, splits] = [2, headDims.join, 3];
  return {
    manifest: attentionJoin,
    entry: "attention_join",
    grid: [tokens, heads],
    block: 64,
    args: [
      output("float16", tokens * heads * headDim),
      // The total of weights is positive, as is all that is here.
      input(numbers.positive(tokens * heads * splits * (headDim + 2))),
      input(numbers.float32(heads)),
      integers(tokens),
      headDim,
      splits,
      outTypes.float16,
    ],
  };
}

function prefill(source: Source, type: (typeof tensorTypes)[number], headDim: number): KernelCase {
  const { heads, kvHeads } = source.sizes;
  const { tokens, first } = source.sizes.prefill;
  const tile = headDim > 96 ? 32 : 64;
  return {
    manifest: type === "int8" ? attentionPrefillI8 : attentionPrefillBf16,
    entry: `attention_prefill_${headDim}`,
    grid: [Math.ceil((tokens * heads) / kvHeads / 64), kvHeads, 1],
    block: 128,
    sharedBytes: (64 + 2 * tile) * (headDim + 8) * 2 + (type === "int8" ? 2 * tile * (headDim + 4) : 0),
    args: pieceArguments(source, type, { headDim, tokens, first, ...tensorOutput(type) }),
  };
}

/** Pages that are written in part, beside the outputs of queries. */
function appended(
  { sizes }: Source,
  type: PageType,
  headDim: number,
): readonly [CaseArgument, CaseArgument, CaseArgument] {
  const rows = sizes.table.length * sizes.kvHeads * pageTokens;
  const empty = { float32: Float32Array, bfloat16: Uint16Array, float16: Uint16Array, int8: Int8Array }[type];
  const page = (): CaseArgument =>
    output(type satisfies OutputType, rows * headDim, { initial: new empty(rows * headDim) });
  return [page(), page(), output("float32", rows, { initial: new Float32Array(rows) })];
}

function rotated(source: Source, type: PageType): KernelCase {
  const { numbers, sizes } = source;
  const { heads, kvHeads, table, position, rotaryDim } = sizes;
  const [headDim, tokens] = [sizes.headDims.rotated, 2];
  const [keys, values, scales] = appended(source, type, headDim);
  const of = (count: number): CaseArgument => input(numbers.float32(count));
  return {
    manifest: rotateAppend,
    entry: `rotate_append_${names[type]}`,
    grid: [tokens, heads + 2 * kvHeads],
    block: 32,
    args: [
      output("float32", tokens * heads * headDim),
      keys,
      values,
      ...(type === "int8" ? [scales, scales] : []),
      of(tokens * heads * headDim),
      of(tokens * kvHeads * headDim),
      of(tokens * kvHeads * headDim),
      of((3 * rotaryDim) / 2),
      of((3 * rotaryDim) / 2),
      integers(2, 0),
      integers(position, 7),
      integers(0, 0),
      integers(...table),
      integers(tokens),
      table.length,
      pageTokens,
      heads,
      kvHeads,
      headDim,
      rotaryDim,
      0,
      0.5,
      16,
    ],
  };
}

function normRotated(source: Source, type: PageType): KernelCase {
  const { numbers, sizes } = source;
  const { heads, kvHeads, table, position, rotaryDim } = sizes;
  const [headDim, tokens] = [sizes.headDims.rotated, 2];
  const [keys, values, scales] = appended(source, type, headDim);
  const of = (count: number): CaseArgument => input(numbers.float32(count));
  const isScaled = type === "int8";
  return {
    manifest: normRotateAppend,
    entry: `norm_rotate_append_${names[type]}`,
    grid: [tokens, Math.ceil((heads + 2 * kvHeads) / 4)],
    block: 128,
    args: [
      output("float32", tokens * heads * headDim),
      keys,
      values,
      isScaled ? scales : undefined,
      isScaled ? scales : undefined,
      of(tokens * heads * headDim),
      of(tokens * kvHeads * headDim),
      of(tokens * kvHeads * headDim),
      of(heads * headDim),
      of(kvHeads * headDim),
      of((3 * rotaryDim) / 2),
      of((3 * rotaryDim) / 2),
      integers(2, 0),
      integers(position, 7),
      integers(0, 0),
      integers(...table),
      integers(tokens),
      table.length,
      heads,
      kvHeads,
      headDim,
      rotaryDim,
      1,
      headDim,
      2 ** -17,
      0.5,
      16,
    ],
  };
}
