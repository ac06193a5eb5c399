import type { WordPacking } from "../stored-weight.ts";

/** The size of a matrix of packed integers. */
export interface PackedShape {
  readonly rows: number;
  readonly columns: number;
  readonly bits: number;
  readonly packing: WordPacking;
}

/** Words that hold this many integers. */
export function wordCount(integers: number, bits: number): number {
  return Math.ceil((integers * bits) / 32);
}

/** The shape of the tensor of words. */
export function packedShape({ rows, columns, bits, packing }: PackedShape): readonly [number, number] {
  const inWords =
    packing.axis === "columns"
      ? { rows, columns: wordCount(columns, bits) }
      : { rows: wordCount(rows, bits), columns };
  return packing.isTransposed ? [inWords.columns, inWords.rows] : [inWords.rows, inWords.columns];
}

/** Unpacks the words of a matrix into a byte for each integer, `(rows, columns)`. */
export function unpackIntegers(words: Uint32Array, shape: PackedShape, out: Uint8Array): void {
  const { rows, columns, bits, packing } = shape;
  const alongColumns = packing.axis === "columns";
  const [length, lineCount] = alongColumns ? [columns, rows] : [rows, columns];
  // Words of one line are neighbours, or those of the same place in all lines are.
  const areLinesWhole = alongColumns !== packing.isTransposed;
  const [wordStep, wordLineStep] = areLinesWhole ? [1, wordCount(length, bits)] : [lineCount, 1];
  const [outStep, outLineStep] = alongColumns ? [1, columns] : [columns, 1];
  const lines = { length, lineCount, bits, wordStep, wordLineStep, outStep, outLineStep };
  if (packing.isOneLess === true) incrementAll(words, bits);
  if (32 % bits === 0) unpackWords(words, { ...lines, order: packing.order }, out);
  else unpackStream(words, lines, out);
  if (packing.isOneLess === true && 32 % bits !== 0) {
    const mask = 2 ** bits - 1;
    for (let at = 0; at < rows * columns; at += 1) out[at] = (out[at]! + 1) & mask;
  }
}

/**
 * Adds one to each integer of each word. As one sum, with what it carries: the programs that store one less subtract
 * from the whole word.
 * @see gptqmodel, `convert_gptq_v2_to_v1_format_module`
 */
function incrementAll(words: Uint32Array, bits: number): void {
  if (32 % bits !== 0) return;
  let ones = 0;
  for (let shift = 0; shift < 32; shift += bits) ones += 2 ** shift;
  for (let at = 0; at < words.length; at += 1) words[at] = words[at]! + ones;
}

/** How integers lie in words and in the matrix: `length` of them in each of `lineCount` lines. */
interface Lines {
  readonly length: number;
  readonly lineCount: number;
  readonly bits: number;
  readonly wordStep: number;
  readonly wordLineStep: number;
  readonly outStep: number;
  readonly outLineStep: number;
}

/** So few lines that what is written of them stays in the cache of the processor. */
const tileLines = 64;

/** No integer is in two words. */
function unpackWords(
  words: Uint32Array,
  lines: Lines & { readonly order: readonly number[] | undefined },
  out: Uint8Array,
): void {
  const { length, lineCount, bits, wordStep, wordLineStep, outStep, outLineStep, order } = lines;
  const perWord = 32 / bits;
  const mask = 2 ** bits - 1;
  const steps = Int32Array.from({ length: 8 }, (_, place) => (order?.[place] ?? place) * outStep);
  const [s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0] = steps;
  for (let firstLine = 0; firstLine < lineCount; firstLine += tileLines) {
    const endLine = Math.min(lineCount, firstLine + tileLines);
    for (let first = 0, word = 0; first < length; first += perWord, word += wordStep) {
      const isUnrolled = bits === 4 && first + perWord <= length;
      let at = firstLine * outLineStep + first * outStep;
      for (let line = firstLine; line < endLine; line += 1, at += outLineStep) {
        let value = words[word + line * wordLineStep]!;
        if (isUnrolled) {
          out[at + s0] = value & 15;
          out[at + s1] = (value >>> 4) & 15;
          out[at + s2] = (value >>> 8) & 15;
          out[at + s3] = (value >>> 12) & 15;
          out[at + s4] = (value >>> 16) & 15;
          out[at + s5] = (value >>> 20) & 15;
          out[at + s6] = (value >>> 24) & 15;
          out[at + s7] = value >>> 28;
          continue;
        }
        for (let place = 0; place < perWord; place += 1) {
          const neighbour = order?.[place] ?? place;
          if (first + neighbour < length) out[at + neighbour * outStep] = value & mask;
          value >>>= bits;
        }
      }
    }
  }
}

/** Integers of 3 bits and the like: each line is one stream of bits. */
function unpackStream(
  words: Uint32Array,
  { length, lineCount, bits, wordStep, wordLineStep, outStep, outLineStep }: Lines,
  out: Uint8Array,
): void {
  const mask = 2 ** bits - 1;
  for (let line = 0; line < lineCount; line += 1) {
    for (let index = 0; index < length; index += 1) {
      const shift = (index * bits) & 31;
      const at = ((index * bits) >>> 5) * wordStep + line * wordLineStep;
      let value = words[at]! >>> shift;
      if (shift + bits > 32) value |= words[at + wordStep]! << (32 - shift);
      out[line * outLineStep + index * outStep] = value & mask;
    }
  }
}
