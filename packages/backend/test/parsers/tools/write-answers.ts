import {
  compileConstraint,
  type ConstraintSource,
  createConstraint,
  createTokenMasks,
  createTokenTrie,
  markByte,
  markedTokenBytes,
} from "@infernode/inference/constraint";
import type { ConstraintStatePort } from "@infernode/inference";
import { createRandom } from "../../../../../benchmarks/lib/random.ts";
import { marksOf } from "../../../src/parsers/answer/answer-format.ts";
import { createAnswerReader, type AnswerReader } from "../../../src/parsers/answer/create-answer-reader.ts";
import type { ToolFormat } from "../../../src/parsers/tools/tool-format.ts";

/** A vocabulary for answers of a format. */
export interface AnswerVocabulary {
  readonly reader: AnswerReader;
  /** The bytes, then marks and pieces of formats. */
  readonly texts: readonly string[];
  /** Those of `texts` that only a mark is written by. */
  readonly markCount: number;
}

/** What ends values, so that random answers come to an end. */
const ends = ["\n</parameter>\n", "</parameter>", "</function>", '"', '"}', "}", "]", ")", "\n", "<"];
/** How calls without marks begin. */
const starts = [
  '{"name": "look", "arguments": {',
  '[{"name": "look", "arguments": {',
  '{"name": "look", "parameters": {',
  "[look(",
  "```json",
];
const pieces = [...ends, ...starts];

/** A vocabulary in which the marks of a format are tokens or not. */
export function vocabularyOf({ name, marks }: ToolFormat, hasTokens: boolean): AnswerVocabulary {
  const reasoningParser = name === "harmony" ? "harmony" : "none";
  const known = hasTokens ? marks : [];
  const tokens = {
    specialTokenIds: new Set<number>(),
    tokenOf: (id: number) => known[id - 256],
    idOf: (text: string) => (known.includes(text) ? 256 + known.indexOf(text) : undefined),
    decode: () => "",
  };
  const reader = createAnswerReader({ template: "", toolParser: name, reasoningParser, tokens });
  const plain = hasTokens ? [] : marksOf(reader.format);
  return { reader, texts: [...known, ...plain, ...pieces], markCount: known.length };
}

/** Texts of random tokens that a source allows, each to an end. */
export function writeAnswers(
  source: ConstraintSource,
  { texts, markCount }: AnswerVocabulary,
  count: number,
): readonly string[] {
  const bytes = Array.from({ length: markByte }, (_, byte) => Uint8Array.of(byte));
  const encoded = texts.map((text, at) => (at < markCount ? markedTokenBytes(text) : Buffer.from(text)));
  const trie = createTokenTrie([...bytes, new Uint8Array(), ...encoded]);
  const constraint = createConstraint(createTokenMasks(compileConstraint(source), trie));
  return Array.from({ length: count }, (_, seed) => write(constraint.start(), texts, seed));
}

/** Every other one begins as a call does, if it can. */
function write(state: ConstraintStatePort, texts: readonly string[], seed: number): string {
  const random = createRandom(seed);
  const written: number[] = [];
  const pick = (from: readonly number[]): number => from[Math.floor(random() * from.length)] ?? -1;
  while (!state.isFinished && !(state.isComplete && random() < 0.1)) {
    const allowed = allowedBy(state, 256 + texts.length);
    const longer = allowed.filter((id) => id >= 256);
    const first = longer.filter((id) => seed % 2 === 1 && starts.includes(texts[id - 256] ?? ""));
    const likely = allowed.filter((id) => id > 0x20 && id < 0x80);
    const isLonger = longer.length > 0 && random() < 0.35;
    const isFirst = written.length === 0 && first.length > 0;
    const token = pick(
      isFirst ? first : isLonger ? longer : likely.length > 0 && random() < 0.9 ? likely : allowed,
    );
    state.accept(token);
    written.push(...(token < 256 ? [token] : Buffer.from(texts[token - 256] ?? "")));
    if (written.length > 20_000) throw new Error(`no end: ${Buffer.from(written.slice(-200)).toString()}`);
  }
  return Buffer.from(written).toString();
}

function allowedBy(state: ConstraintStatePort, vocabSize: number): readonly number[] {
  const words = new Uint32Array((vocabSize + 31) >>> 5);
  state.fillMask(words);
  const allowed: number[] = [];
  for (let id = 0; id < vocabSize; id += 1) {
    if ((words[id >>> 5] ?? 0) & (1 << (id & 31))) allowed.push(id);
  }
  return allowed;
}
