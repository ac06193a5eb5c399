import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A token as `sentencepiece_model.proto` has it. */
export interface StoredPiece {
  readonly text: string;
  readonly score: number;
  readonly type: number;
}

export interface StoredPieceModel {
  readonly pieces: readonly StoredPiece[];
  /** Integers of `trainer_spec` and `normalizer_spec` by their fields. */
  readonly trainer: Readonly<Record<number, number>>;
  readonly normalizer: Readonly<Record<number, number>>;
  readonly charsmap?: Uint8Array;
}

export const bytePairs: Pick<StoredPieceModel, "trainer" | "normalizer"> = {
  // An array of floats and a text are there to be skipped.
  trainer: { 3: 2, 35: 1, 40: 0, 41: 1, 42: 2, 43: -1 },
  normalizer: { 3: 1, 4: 0, 5: 1 },
};

/** Writes `tokenizer.model`. */
export function encodePieceModel(model: StoredPieceModel): Uint8Array {
  const pieces = model.pieces.flatMap(({ text, score, type }) => {
    const float = new Uint8Array(Float32Array.of(score).buffer);
    const content = [
      ...bytesField(1, [...new TextEncoder().encode(text)]),
      ...tag(2, 5),
      ...float,
      ...(type === 1 ? [] : integerField(3, type)),
    ];
    return bytesField(1, content);
  });
  const name = bytesField(1, [...new TextEncoder().encode("identity")]);
  const charsmap = model.charsmap === undefined ? [] : bytesField(2, [...model.charsmap]);
  return Uint8Array.from([
    ...pieces,
    ...bytesField(2, [...tag(10, 5), 0, 0, 0, 63, ...integerFields(model.trainer)]),
    ...bytesField(3, [...name, ...charsmap, ...integerFields(model.normalizer)]),
    ...tag(9, 1),
    ...Array.from({ length: 8 }, () => 0),
  ]);
}

/** The vocabulary of a small `tokenizer.json` of the tests as a SentencePiece model has it. */
export function piecesOf(directory: string): readonly StoredPiece[] {
  const file = JSON.parse(readFileSync(join(directory, "tokenizer.json"), "utf8")) as {
    readonly model: {
      readonly vocab: Readonly<Record<string, number>>;
      readonly merges: readonly (readonly [string, string])[];
    };
  };
  const { vocab, merges } = file.model;
  const ranks = new Map<string, number>();
  for (const [rank, pair] of merges.entries()) {
    const made = pair.join("");
    if (!ranks.has(made)) ranks.set(made, rank);
  }
  return Object.entries(vocab)
    .toSorted(([, a], [, b]) => a - b)
    .map(([text, id]) => ({ text, score: -(ranks.get(text) ?? 1e6), type: typeOf(text, id) }));
}

function typeOf(text: string, id: number): number {
  if (id < 3) return id === 0 ? 2 : 3;
  return /^<0x[0-9A-F]{2}>$/.test(text) ? 6 : 1;
}

function integerFields(fields: Readonly<Record<number, number>>): readonly number[] {
  return Object.entries(fields).flatMap(([field, value]) => integerField(Number(field), value));
}

function integerField(field: number, value: number): readonly number[] {
  return [...tag(field, 0), ...varint(BigInt.asUintN(64, BigInt(value)))];
}

function bytesField(field: number, bytes: readonly number[]): readonly number[] {
  return [...tag(field, 2), ...varint(BigInt(bytes.length)), ...bytes];
}

function tag(field: number, wire: number): readonly number[] {
  return varint(BigInt(field * 8 + wire));
}

function varint(value: bigint): readonly number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) return [...bytes, Number(rest)];
    bytes.push(Number(rest % 128n) + 128);
  }
}
