import { ShapeError, UnsupportedShapeError } from "../../files/json-shape.ts";
import { ProtobufReader } from "./protobuf-reader.ts";

/** A token of a SentencePiece model; its place in the file is its id. */
export interface Piece {
  readonly text: string;
  readonly score: number;
  readonly type: number;
}

/** What `tokenizer.model` says. */
export interface PieceModel {
  readonly pieces: readonly Piece[];
  readonly unknownId: number;
  /** Below 0 where there is none. */
  readonly bosId: number;
  readonly eosId: number;
  readonly addsSpace: boolean;
}

/** Of a piece. */
export const pieceType = { normal: 1, unknown: 2, control: 3, userDefined: 4 } as const;

const bpe = 2;
const modelTypes: ReadonlyMap<number, string> = new Map([
  [1, "unigram"],
  [3, "word"],
  [4, "char"],
]);
const maxPieces = 2 ** 21;

/**
 * Reads a SentencePiece model: BPE with tokens for bytes that normalizes nothing, as those of Llama 2 and Mistral.
 *
 * @throws ShapeError
 * @see https://github.com/google/sentencepiece, `sentencepiece_model.proto`
 */
export function readPieceModel(bytes: Uint8Array): PieceModel {
  const pieces: Piece[] = [];
  const trainer = new Map<number, number>();
  const normalizer = new Map<number, number>();
  let charsmapBytes = 0;
  const reader = new ProtobufReader(bytes);
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    if (field === 1) {
      if (pieces.length >= maxPieces) throw new ShapeError("pieces", `at most ${maxPieces}`, "more");
      pieces.push(readPiece(reader.message()));
    } else if (field === 2) {
      readNumbers(reader.message(), trainer);
    } else if (field === 3) {
      charsmapBytes = readNumbers(reader.message(), normalizer).get(2) ?? 0;
    } else {
      reader.skip();
    }
  }
  const texts = new Set(pieces.map(({ text }) => text));
  if (texts.size < pieces.length) throw new ShapeError("pieces", "each text once", "one twice");
  if (pieces.length === 0) throw new ShapeError("pieces", "tokens of a SentencePiece model", "none");
  assertBytePairs({ trainer, normalizer, charsmapBytes });
  return {
    pieces,
    unknownId: trainer.get(40) ?? 0,
    bosId: trainer.get(41) ?? 1,
    eosId: trainer.get(42) ?? 2,
    addsSpace: (normalizer.get(3) ?? 1) !== 0,
  };
}

interface Specs {
  readonly trainer: ReadonlyMap<number, number>;
  readonly normalizer: ReadonlyMap<number, number>;
  readonly charsmapBytes: number;
}

function assertBytePairs({ trainer, normalizer, charsmapBytes }: Specs): void {
  const type = trainer.get(3) ?? 1;
  if (type !== bpe) {
    throw new UnsupportedShapeError("trainer_spec.model_type", "BPE", modelTypes.get(type) ?? type);
  }
  if ((trainer.get(35) ?? 0) === 0) {
    throw new UnsupportedShapeError("trainer_spec.byte_fallback", "true", false);
  }
  if (charsmapBytes > 0) {
    const got = `${charsmapBytes} bytes`;
    throw new UnsupportedShapeError("normalizer_spec.precompiled_charsmap", "none", got);
  }
  if ((normalizer.get(4) ?? 1) !== 0) {
    throw new UnsupportedShapeError("normalizer_spec.remove_extra_whitespaces", "false", true);
  }
}

function readPiece(reader: ProtobufReader): Piece {
  let text = "";
  let score = 0;
  let type: number = pieceType.normal;
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    if (field === 1) text = reader.text();
    else if (field === 2) score = reader.float();
    else if (field === 3) type = reader.integer();
    else reader.skip();
  }
  return { text, score, type };
}

/** The integers of a message by their fields; of bytes, how many there are. */
function readNumbers(reader: ProtobufReader, into: Map<number, number>): Map<number, number> {
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    const value = reader.integerOrLength();
    if (value !== undefined) into.set(field, value);
  }
  return into;
}
