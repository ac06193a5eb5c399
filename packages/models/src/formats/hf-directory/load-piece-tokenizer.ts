import { join } from "node:path";

import type { FileAccess } from "../../files/file-access.ts";
import { isJsonObject } from "../../files/json-shape.ts";
import { readBytes, readJsonFile } from "../../files/read-file.ts";
import { sentencePieceJson } from "../../tokenizer/sentence-piece-json.ts";
import { withFile } from "../../tokenizer/check-tokenizer-json.ts";
import type { TokenizerSettings } from "../../tokenizer/tokenizer.ts";
import { pieceType, readPieceModel, type Piece, type PieceModel } from "./piece-model.ts";

export const pieceFile = "tokenizer.model";
const maxPieceBytes = 64 * 2 ** 20;
const maxAddedBytes = 16 * 2 ** 20;

/** A `tokenizer.json` made of another file, with the settings that it has for those that the directory lacks. */
export interface DescribedTokenizer {
  readonly json: unknown;
  readonly settings: TokenizerSettings;
  readonly sizeBytes: number;
}

/**
 * Makes the `tokenizer.json` of a directory that has only `tokenizer.model`, as those of Llama 2 and Mistral from the
 * time before it, or of InternLM 2. A text starts with `bos` where `tokenizer_config.json` does not say.
 *
 * @throws ModelError `INVALID_TOKENIZER`, `UNSUPPORTED_TOKENIZER`, and those of reading a file
 */
export async function describePieceTokenizer(
  files: FileAccess,
  directory: string,
  settings: TokenizerSettings,
): Promise<DescribedTokenizer | undefined> {
  const path = join(directory, pieceFile);
  const bytes = await readBytes(files, path, { maxBytes: maxPieceBytes });
  if (bytes === undefined) return undefined;
  const model = withFile(path, () => readPieceModel(bytes));
  const config = await readJsonFile(files, join(directory, "tokenizer_config.json"), {
    maxBytes: maxAddedBytes,
  });
  const added = await readJsonFile(files, join(directory, "added_tokens.json"), { maxBytes: maxAddedBytes });
  const specialTokens = new Map(settings.specialTokens);
  for (const [name, id] of [
    ["bos_token", model.bosId],
    ["eos_token", model.eosId],
    ["unk_token", model.unknownId],
  ] as const) {
    const text = model.pieces[id]?.text;
    if (text !== undefined && !specialTokens.has(name)) specialTokens.set(name, text);
  }
  return {
    json: toTokenizerJson(model, isJsonObject(config) ? config : {}),
    settings: {
      ...settings,
      specialTokens,
      addsSpecialTokens: settings.addsSpecialTokens ?? { bos: specialTokens.has("bos_token"), eos: false },
      addedTokens: [...settings.addedTokens, ...addedTokens(added)],
    },
    sizeBytes: bytes.length,
  };
}

function toTokenizerJson(model: PieceModel, config: Readonly<Record<string, unknown>>): object {
  const { pieces, unknownId } = model;
  const { add_prefix_space: addsSpace, legacy } = config;
  return sentencePieceJson({
    tokenIds: new Map(pieces.map(({ text }, id) => [text, id])),
    scores: pieces.map(({ score }) => score),
    unknownToken: pieces[unknownId]?.text ?? null,
    addsSpace: typeof addsSpace === "boolean" ? addsSpace : model.addsSpace,
    addsSpaceOnce: legacy === false,
    addedTokens: pieces.flatMap(addedPiece),
  });
}

/** Control and user-defined tokens are found in a text before it is split. */
function addedPiece({ text, type }: Piece, id: number): readonly object[] {
  const special = type === pieceType.control || type === pieceType.unknown;
  if (!special && type !== pieceType.userDefined) return [];
  return [
    { id, content: text, special, normalized: false, single_word: false, lstrip: false, rstrip: false },
  ];
}

/** `added_tokens.json` has ids by their texts. */
function addedTokens(json: unknown): readonly object[] {
  return isJsonObject(json)
    ? Object.entries(json).map(([content, id]) => ({ content, id, special: false, normalized: false }))
    : [];
}
