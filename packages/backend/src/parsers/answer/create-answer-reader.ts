import type { AnswerPart } from "../part-sink.ts";
import { findAnswerFormat, marksOf, type AnswerFormat, type AnswerFormatOptions } from "./answer-format.ts";
import { AnswerParser, type AnswerParserOptions } from "./answer-parser.ts";
import { Marks } from "../read-until.ts";
import { ReasoningTracker } from "./reasoning-tracker.ts";

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

/** Tokens that begin and end reasoning; none where a vocabulary spells the marks in several. */
interface ReasoningTokenIds {
  readonly starts: ReadonlySet<number>;
  readonly ends: ReadonlySet<number>;
}

/** Reads answers as one model writes them. */
export interface AnswerReader {
  readonly format: AnswerFormat;
  /** The marks of reasoning, where they are one token of the vocabulary. */
  readonly reasoningTokenIds: ReasoningTokenIds;
  /** The marks of calls, and of content, that are one token of the vocabulary. */
  readonly markTokenIds: ReadonlyMap<string, number>;
  /** All of the vocabulary. */
  readonly specialTokenIds: ReadonlySet<number>;
  /** Special tokens that belong to the format of what is looked for; they stay in the text for the parser. */
  keptTokenIds(hasCalls: boolean): readonly number[];
  /** Whether a prompt ends within reasoning. @param continued text of a message that the answer continues */
  isReasoningOpen(promptTokenIds: readonly number[], continued: string | undefined): boolean;
  /** Follows the reasoning of one answer; `undefined` where the model has none. */
  trackReasoning(options: { readonly isReasoningOpen: boolean }): ReasoningTracker | undefined;
  /** Creates a function that reads one answer, piece by piece. */
  open(options: Omit<AnswerParserOptions, "format">): (piece: AnswerPiece) => ReadPiece;
}

/** Enough for a mark and white space, whatever the vocabulary. */
const tailTokens = 64;

function lastOf(marks: readonly string[], text: string): number {
  return Math.max(...marks.map((mark) => text.lastIndexOf(mark)));
}

function createPieceReader(
  parser: AnswerParser,
  tracker: ReasoningTracker | undefined,
): (piece: AnswerPiece) => ReadPiece {
  return ({ text, tokenIds, isLast }) => {
    const parts = parser.push(text);
    const countBefore = tracker?.tokenCount ?? 0;
    for (const tokenId of tokenIds) tracker?.accept(tokenId);
    if (isLast) tracker?.end();
    const reasoningTokens = (tracker?.tokenCount ?? 0) - countBefore;
    return { parts: isLast ? [...parts, ...parser.end()] : parts, reasoningTokens };
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
  const writtenMarks = [...(format.tools?.marks ?? []), ...(format.reasoning?.writer?.marks ?? [])];
  const markTokenIds = new Map(
    writtenMarks.flatMap((mark) => {
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
  const reasoningFormat = { ...format, tools: undefined };
  const keptWithoutCalls = keptOf(marksOf(reasoningFormat));
  const marks = new Marks(
    ...ends.filter((end) => !ends.some((other) => other !== end && end.startsWith(other))),
  );
  const hiddenIds = new Set(tokens.specialTokenIds);
  for (const tokenId of keptWithoutCalls) hiddenIds.delete(tokenId);
  const textOf = (tokenId: number): string => (hiddenIds.has(tokenId) ? "" : tokens.decode([tokenId]));
  const trackReasoning: AnswerReader["trackReasoning"] = (parsing) => {
    if (format.reasoning === undefined) return undefined;
    return new ReasoningTracker({
      parser: new AnswerParser({ ...parsing, format: reasoningFormat }),
      ends: marks,
      textOf,
    });
  };
  return {
    format,
    reasoningTokenIds: reasoningIds,
    markTokenIds,
    specialTokenIds: tokens.specialTokenIds,
    keptTokenIds: (hasCalls) => (hasCalls ? keptWithCalls : keptWithoutCalls),
    isReasoningOpen: (promptTokenIds, continued) => {
      if (starts.length === 0) return false;
      if (continued !== undefined) return lastOf(starts, continued) > lastOf(ends, continued);
      const tail = tokens.decode(promptTokenIds.slice(-tailTokens)).trimEnd();
      return starts.some((start) => tail.endsWith(start));
    },
    trackReasoning,
    open: (parserOptions) => {
      const { isReasoningOpen = false } = parserOptions;
      const parser = new AnswerParser({ ...parserOptions, format });
      return createPieceReader(parser, trackReasoning({ isReasoningOpen }));
    },
  };
}
