import type { ModelConfig, RopeScaling, Rotary } from "@infernode/models";

/**
 * Cosines and sines of the angles of one rotation, a row for each position. A rotation by the length of a sequence has
 * two parts: the positions of its original context for sequences within it, then all positions for longer ones.
 */
export interface RopeTable {
  readonly rowCount: number;
  /** `(rowCount, dim / 2)` */
  readonly cos: Float32Array;
  /** `(rowCount, dim / 2)` */
  readonly sin: Float32Array;
}

/** What the sizes of tables follow from. */
export interface TableSizes {
  readonly contextTokens: number;
  readonly maxChunkTokens: number;
  readonly maxSequences: number;
}

/** Rows to be filled for positions of a sequence of a length. */
export interface RowFill {
  readonly row: number;
  readonly startPosition: number;
  readonly tokenCount: number;
  readonly lengthTokens: number;
}

/** How many rows the table of a rotation has. */
export function ropeRowCount(rotary: Rotary, sizes: TableSizes): number {
  const { contextTokens, maxChunkTokens, maxSequences } = sizes;
  const { scaling } = rotary;
  // Rows that are filled for the chunk of a prompt, and one for each slot.
  if (scaling.type === "dynamic" && scaling.originalContextTokens < contextTokens) {
    return contextTokens + maxChunkTokens + maxSequences;
  }
  const shortCount = longRowStart(rotary, contextTokens);
  return shortCount === 0 || shortCount === contextTokens ? contextTokens : shortCount + contextTokens;
}

/** The row of position 0 for sequences that are longer than the original context; 0 where all have the same. */
export function longRowStart({ scaling }: Rotary, positionCount: number): number {
  return scaling.type === "longrope" ? Math.min(scaling.originalContextTokens, positionCount) : 0;
}

/** Bytes of all tables: cosines and sines together. */
export function ropeTableBytes({ rotaries }: Pick<ModelConfig, "rotaries">, sizes: TableSizes): number {
  const pairCount = rotaries.reduce((sum, rotary) => sum + ropeRowCount(rotary, sizes) * (rotary.dim / 2), 0);
  return 2 * pairCount * Float32Array.BYTES_PER_ELEMENT;
}

/**
 * Fills the rows of `cos` and `sin` from `start` to `end`; `longRowStart` as of the whole table. Frequencies and angles
 * are rounded to 32 bits where `transformers` does: at long contexts the difference shows in the logits.
 */
export function fillRopeRows(
  rotary: Rotary,
  table: RopeTable,
  rows: { readonly start: number; readonly end: number; readonly longRowStart?: number },
): void {
  const [short = new Float32Array(0), long = short] = frequencySets(rotary);
  const { start, end, longRowStart: longStart = 0 } = rows;
  const { scaling } = rotary;
  const original = scaling.type === "dynamic" ? scaling.originalContextTokens : Infinity;
  for (let row = start; row < end; row += 1) {
    const isLong = longStart > 0 && row >= longStart;
    const frequencies = row >= original ? dynamicFrequencies(rotary, row + 1) : isLong ? long : short;
    fillRow(rotary, table, { row, position: isLong ? row - longStart : row, frequencies });
  }
}

/** Fills rows for a sequence of a length, where a rotation follows it (`dynamic`). */
export function fillRowsByLength(rotary: Rotary, table: RopeTable, fill: RowFill): void {
  if (rotary.scaling.type !== "dynamic") return;
  const frequencies = dynamicFrequencies(rotary, fill.lengthTokens);
  for (let index = 0; index < fill.tokenCount; index += 1) {
    fillRow(rotary, table, { row: fill.row + index, position: fill.startPosition + index, frequencies });
  }
}

interface TableRow {
  readonly row: number;
  readonly position: number;
  readonly frequencies: Float32Array;
}

function fillRow(
  { scaling }: Rotary,
  { cos, sin }: RopeTable,
  { row, position, frequencies }: TableRow,
): void {
  const factor = "attentionFactor" in scaling ? scaling.attentionFactor : 1;
  const half = frequencies.length;
  for (let index = 0; index < half; index += 1) {
    const angle = Math.fround(position * frequencies[index]!);
    cos[row * half + index] = factor * Math.cos(angle);
    sin[row * half + index] = factor * Math.sin(angle);
  }
}

/** The frequencies of a sequence that is longer than the original context: those of a larger base. */
function dynamicFrequencies({ dim, theta, scaling }: Rotary, lengthTokens: number): Float32Array {
  const { factor, originalContextTokens } = scaling as Extract<RopeScaling, { readonly type: "dynamic" }>;
  const ratio = Math.fround(Math.fround(factor * lengthTokens) / originalContextTokens);
  const growth = Math.fround(Math.fround(ratio - (factor - 1)) ** Math.fround(dim / (dim - 2)));
  const base = Math.fround(theta * growth);
  const half = dim / 2;
  return Float32Array.from({ length: half }, (_, index) => 1 / turnLength(base, index / half));
}

/**
 * Computes the angle per position of each of the `dim / 2` pairs, in radians, after scaling. The second one, where there
 * is one, is of sequences that are longer than the original context.
 *
 * @see https://arxiv.org/abs/2104.09864, and transformers, `modeling_rope_utils.py`
 */
export function frequencySets({ dim, theta, scaling }: Rotary): readonly Float32Array[] {
  const half = dim / 2;
  if (scaling.type === "yarn") return [yarnFrequencies({ dim, theta, scaling })];
  if (scaling.type === "longrope") {
    return [scaling.shortFactors, scaling.longFactors].map((factors) =>
      Float32Array.from(
        factors,
        (factor, index) => 1 / Math.fround(Math.fround(factor) * turnLength(theta, index / half)),
      ),
    );
  }
  const frequencies = new Float32Array(half);
  for (let index = 0; index < half; index += 1) {
    const frequency = Math.fround(1 / turnLength(theta, index / half));
    frequencies[index] = scaleFrequency(frequency, index, scaling);
  }
  return [frequencies];
}

type Yarn = Extract<RopeScaling, { readonly type: "yarn" }>;

/** Long wavelengths are scaled, short ones kept, those between interpolated by the number of the pair. */
function yarnFrequencies({ dim, theta, scaling }: Rotary & { readonly scaling: Yarn }): Float32Array {
  const { betaFast, betaSlow, isTruncated, originalContextTokens, factor } = scaling;
  /** The pair, with a fraction, that turns this often within the original context. */
  const pairAt = (turns: number): number =>
    (dim * Math.log(originalContextTokens / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [pairAt(betaFast), pairAt(betaSlow)];
  const low = Math.max(isTruncated ? Math.floor(first) : first, 0);
  const high = Math.min(isTruncated ? Math.ceil(last) : last, dim - 1);
  const span = low === high ? 0.001 : high - low;
  return Float32Array.from({ length: dim / 2 }, (_, index) => {
    const wavelength = turnLength(theta, (2 * index) / dim);
    const kept = 1 - Math.min(1, Math.max(0, (index - low) / span));
    return (1 - kept) / (factor * wavelength) + kept / wavelength;
  });
}

/** Positions per radian, before scaling, by the share of a head's pairs that rotate faster. */
function turnLength(theta: number, share: number): number {
  return Math.fround(theta ** Math.fround(share));
}

function scaleFrequency(
  frequency: number,
  index: number,
  scaling: Exclude<RopeScaling, { readonly type: "yarn" | "longrope" }>,
): number {
  switch (scaling.type) {
    case "none":
    case "dynamic":
      return frequency;
    case "linear":
      return frequency / scaling.factor;
    case "by-frequency":
      return frequency / (scaling.divisors[index] ?? 1);
    case "llama3": {
      // Long wavelengths are scaled, short ones kept, those between interpolated.
      const turns = (scaling.originalContextTokens * frequency) / (2 * Math.PI);
      if (turns < scaling.lowFrequencyFactor) return frequency / scaling.factor;
      if (turns > scaling.highFrequencyFactor) return frequency;
      const kept =
        (turns - scaling.lowFrequencyFactor) / (scaling.highFrequencyFactor - scaling.lowFrequencyFactor);
      return (1 - kept) * (frequency / scaling.factor) + kept * frequency;
    }
    default:
      return scaling satisfies never;
  }
}
