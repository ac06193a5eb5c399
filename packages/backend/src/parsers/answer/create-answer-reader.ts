import type { AnswerPart } from "../answer-part.ts";
import { findAnswerFormat, marksOf, type AnswerFormat, type AnswerFormatOptions } from "./answer-format.ts";
import { AnswerParser, type AnswerParserOptions } from "./answer-parser.ts";
import { countReasoning, type ReasoningTokenIds } from "./reasoning-count.ts";

/** The vocabulary that answers are written with. */
export interface AnswerTokens {
  readonly specialTokenIds: ReadonlySet<number>;
  tokenOf(tokenId: number): string | undefined;
  idOf(token: string): number | undefined;
  decode(tokenIds: readonly number[]): string;
}

/** A piece of an answer. */
export interface AnswerPiece {
  readonly text: string;
  readonly tokenIds: readonly number[];
  /** No more follows. */
  readonly isLast: boolean;
}

/** What a piece of an answer consists of. */
export interface ReadPiece {
  readonly parts: readonly AnswerPart[];
  readonly reasoningTokens: number;
}

/** Reads answers as one model writes them. */
export interface AnswerReader {
  readonly format: AnswerFormat;
  /** The marks of reasoning, where they are one token of the vocabulary. */
  readonly reasoningTokenIds: ReasoningTokenIds;
  /** The marks of calls that are one token of the vocabulary. */
  readonly callTokenIds: ReadonlyMap<string, number>;
  /** All of the vocabulary. */
  readonly specialTokenIds: ReadonlySet<number>;
  /** Special tokens that belong to the format of what is looked for; they stay in the text for the parser. */
  keptTokenIds(hasCalls: boolean): readonly number[];
  /** Whether a prompt ends within reasoning. @param continued text of a message that the answer continues */
  isReasoningOpen(promptTokenIds: readonly number[], continued: string | undefined): boolean;
  /** Creates a function that reads one answer, piece by piece. */
  open(options: Omit<AnswerParserOptions, "format">): (piece: AnswerPiece) => ReadPiece;
}

/** Enough for a mark and white space, whatever the vocabulary. */
const tailTokens = 64;

function lastOf(marks: readonly string[], text: string): number {
  return Math.max(...marks.map((mark) => text.lastIndexOf(mark)));
}

function createPieceReader(parser: AnswerParser, ids: ReasoningTokenIds): (piece: AnswerPiece) => ReadPiece {
  return ({ text, tokenIds, isLast }) => {
    const isOpenBefore = parser.isReasoning;
    const pushed = parser.push(text);
    const span = {
      isOpenBefore,
      isOpenAfter: parser.isReasoning,
      hasReasoning: pushed.some(({ type }) => type === "reasoning"),
    };
    const reasoningTokens = countReasoning(tokenIds, ids, span);
    return { parts: isLast ? [...pushed, ...parser.end()] : pushed, reasoningTokens };
  };
}

/** What a reader is created with. */
export interface AnswerReaderOptions extends AnswerFormatOptions {
  readonly tokens: AnswerTokens;
  /** Tokens that the model can write: those with a lower id. [all] */
  readonly vocabSize?: number | undefined;
}

/** Creates the reader of a model's answers. */
export function createAnswerReader(options: AnswerReaderOptions): AnswerReader {
  const { tokens, vocabSize = Number.POSITIVE_INFINITY } = options;
  const format = findAnswerFormat(options);
  const { starts = [], ends = [] } = format.reasoning ?? {};
  const idsOf = (texts: readonly string[]): ReadonlySet<number> =>
    new Set(texts.flatMap((text) => tokens.idOf(text) ?? []));
  const callTokenIds = new Map(
    (format.tools?.marks ?? []).flatMap((mark) => {
      const tokenId = tokens.idOf(mark);
      return tokenId === undefined || tokenId >= vocabSize ? [] : [[mark, tokenId] as const];
    }),
  );
  const reasoningIds = { starts: idsOf(starts), ends: idsOf(ends) };
  const keptOf = (marks: readonly string[]): readonly number[] =>
    [...tokens.specialTokenIds].filter((tokenId) => {
      const spelling = tokens.tokenOf(tokenId) ?? "";
      return spelling !== "" && marks.some((mark) => mark.includes(spelling));
    });
  const keptWithCalls = keptOf(marksOf(format));
  const keptWithoutCalls = keptOf(marksOf({ ...format, tools: undefined }));
  return {
    format,
    reasoningTokenIds: reasoningIds,
    callTokenIds,
    specialTokenIds: tokens.specialTokenIds,
    keptTokenIds: (hasCalls) => (hasCalls ? keptWithCalls : keptWithoutCalls),
    isReasoningOpen: (promptTokenIds, continued) => {
      if (starts.length === 0) return false;
      if (continued !== undefined) return lastOf(starts, continued) > lastOf(ends, continued);
      const tail = tokens.decode(promptTokenIds.slice(-tailTokens)).trimEnd();
      return starts.some((start) => tail.endsWith(start));
    },
    open: (parserOptions) => createPieceReader(new AnswerParser({ ...parserOptions, format }), reasoningIds),
  };
}
