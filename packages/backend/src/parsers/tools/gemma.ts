import type { ConstraintSource, NotationMark, ValueNotation } from "@infernode/inference/constraint";
import { Marks, readUntil, skipMark, skipSpace } from "../read-until.ts";
import type { Parsing, TextCursor } from "../text-cursor.ts";
import { readName } from "./python-literal.ts";
import { readElements } from "./read-elements.ts";
import { maxHeaderCharacters } from "./read-json-call.ts";
import type { CallWriting, ToolFormat, ToolParse } from "./tool-format.ts";
import { eachTool, separated } from "./write-calls.ts";

/** The marks of FunctionGemma, then those of Gemma 4. */
const dialects = [
  { start: "<start_function_call>", end: "<end_function_call>", quote: "<escape>" },
  { start: "<|tool_call>", end: "<tool_call|>", quote: '<|"|>' },
] as const;
const starts: readonly string[] = dialects.map(({ start }) => start);
const ends: readonly string[] = dialects.map(({ end }) => end);
const quotes: readonly string[] = dialects.map(({ quote }) => quote);
const startMarks = new Marks(...starts);
const quoteMarks: ReadonlyMap<string, Marks> = new Map(quotes.map((quote) => [quote, new Marks(quote)]));
const maxDepth = 64;
const bareEnd = /[,}\]]/;
const jsonScalar = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/;

function* readQuoted(cursor: TextCursor, quote: string): Parsing<string | undefined> {
  let text = "";
  const marks = quoteMarks.get(quote) ?? startMarks;
  const end = yield* readUntil(cursor, marks, (piece) => void (text += piece));
  return end && JSON.stringify(text);
}

/** A text without quotes, unless JSON has another value of that spelling. */
function* readBare(cursor: TextCursor): Parsing<string | undefined> {
  let text = "";
  while ((yield* cursor.hasMore()) && !bareEnd.test(cursor.peek())) {
    text += cursor.peek();
    cursor.skip(1);
  }
  const bare = text.trim();
  if (bare === "") return undefined;
  return jsonScalar.test(bare) ? bare : JSON.stringify(bare);
}

function* readMember(cursor: TextCursor, depth: number): Parsing<string | undefined> {
  const quote = yield* skipMark(cursor, quotes);
  const key =
    quote === undefined ? JSON.stringify(yield* readName(cursor)) : yield* readQuoted(cursor, quote.trim());
  yield* skipSpace(cursor);
  if (key === undefined || key === '""' || cursor.peek() !== ":") return undefined;
  cursor.skip(1);
  const value = yield* readValue(cursor, depth);
  return value && `${key}: ${value}`;
}

/** Reads a value as JSON text; `undefined` where there is none. */
function* readValue(cursor: TextCursor, depth: number): Parsing<string | undefined> {
  const quote = yield* skipMark(cursor, quotes);
  if (quote !== undefined) return yield* readQuoted(cursor, quote.trim());
  yield* skipSpace(cursor);
  const next = cursor.peek();
  if (next !== "{" && next !== "[") return yield* readBare(cursor);
  return depth < maxDepth ? yield* readNestedValue(cursor, depth) : undefined;
}

function* readNestedValue(cursor: TextCursor, depth: number): Parsing<string | undefined> {
  const isObject = cursor.peek() === "{";
  cursor.skip(1);
  const elements = yield* readElements(cursor, isObject ? "}" : "]", () =>
    isObject ? readMember(cursor, depth + 1) : readValue(cursor, depth + 1),
  );
  return elements && (isObject ? `{${elements.join(", ")}}` : `[${elements.join(", ")}]`);
}

/** Reads `call:name{…}`, after what was read before it. */
function* readCall({ cursor, sink }: ToolParse, start: string): Parsing {
  cursor.record(maxHeaderCharacters);
  const isCall = (yield* skipMark(cursor, ["call:"])) !== undefined;
  const name = isCall ? yield* readName(cursor) : "";
  yield* skipSpace(cursor);
  const text = name !== "" && cursor.peek() === "{" ? yield* readNestedValue(cursor, 0) : undefined;
  if (text === undefined) return sink.content(start + cursor.takeRecorded());
  cursor.takeRecorded();
  sink.beginCall(name);
  sink.arguments(text);
  sink.endCall();
  yield* skipMark(cursor, ends);
}

function notationOf(quote: NotationMark): ValueNotation {
  return {
    quote,
    objects: {
      open: [{ literal: "{" }],
      close: [{ literal: "}" }],
      separator: [{ literal: "," }],
      beforeName: [],
      afterName: [{ literal: ":" }],
      afterValue: [],
      bareNames: String.raw`[\w-]+`,
      otherNames: "quoted",
    },
  };
}

/** With the marks that are tokens; where none are, with either's. */
function writeCalls({ tools, mark, hasToken, maxCalls }: CallWriting): ConstraintSource {
  const known = dialects.filter(({ start }) => hasToken(start));
  return {
    anyOf: (known.length > 0 ? known : dialects).map(({ start, end, quote }) => {
      const notation = notationOf(mark(quote));
      const call = eachTool(tools, ({ name, argumentsIn }) => [
        mark(start),
        { literal: `call:${name}` },
        argumentsIn(notation, "compact"),
        mark(end),
      ]);
      return separated(call, { separator: { literal: "" }, maxCalls });
    }),
  };
}

/** FunctionGemma: `<start_function_call>call:name{key:<escape>text<escape>}<end_function_call>`; Gemma 4 with other marks. */
export const gemma: ToolFormat = {
  name: "gemma",
  templateMarks: starts,
  marks: [...starts, ...ends, ...quotes],
  writer: { calls: writeCalls, startMarks: starts },
  *parse(parse) {
    const { cursor, sink } = parse;
    for (;;) {
      const start = yield* readUntil(cursor, startMarks, (text) => sink.content(text));
      if (start === undefined) return;
      yield* readCall(parse, start);
    }
  },
};
