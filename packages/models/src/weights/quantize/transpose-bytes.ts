/** Where the rows of a part of a matrix become parts of columns. */
export interface TransposedPlace {
  /** Bytes of one column of the whole. */
  readonly columnBytes: number;
  /** Where in its column the first row is. */
  readonly firstRow: number;
}

const wordBytes = 4;
/** Columns that are written at a time: their ends stay in the cache of a processor. */
const tileColumns = 64;

/** Writes bytes `(rows, columns)` to `into` by column. Four rows are one word where they are at a multiple of four. */
export function transposeBytes(
  from: Uint8Array,
  columns: number,
  { into, columnBytes, firstRow }: TransposedPlace & { readonly into: Uint8Array },
): void {
  const rows = from.length / columns;
  const isAligned = [columnBytes, firstRow, into.byteOffset].every((count) => count % wordBytes === 0);
  const wordRows = isAligned ? rows - (rows % wordBytes) : 0;
  if (wordRows > 0) {
    const words = new Uint32Array(into.buffer, into.byteOffset, Math.floor(into.length / wordBytes));
    const place = { columnWords: columnBytes / wordBytes, firstWord: firstRow / wordBytes };
    transposeWords(from.subarray(0, wordRows * columns), columns, { into: words, ...place });
  }
  for (let row = wordRows; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      into[column * columnBytes + firstRow + row] = from[row * columns + column]!;
    }
  }
}

function transposeWords(
  from: Uint8Array,
  columns: number,
  place: { readonly into: Uint32Array; readonly columnWords: number; readonly firstWord: number },
): void {
  // Fields of an object that is read in a loop are slower.
  const { into, columnWords, firstWord } = place;
  const words = from.length / columns / wordBytes;
  for (let start = 0; start < columns; start += tileColumns) {
    const end = Math.min(columns, start + tileColumns);
    for (let word = 0; word < words; word += 1) {
      let at = wordBytes * word * columns + start;
      let to = start * columnWords + firstWord + word;
      for (let column = start; column < end; column += 1) {
        into[to] =
          from[at]! |
          (from[at + columns]! << 8) |
          (from[at + 2 * columns]! << 16) |
          (from[at + 3 * columns]! << 24);
        at += 1;
        to += columnWords;
      }
    }
  }
}
