import { randomUUID } from "node:crypto";
import type { AnswerPart } from "../part-sink.ts";
import { PartSink } from "../part-sink.ts";
import { TextCursor, type Parsing } from "../text-cursor.ts";
import type { CallableTool } from "../tools/tool-format.ts";
import type { AnswerFormat } from "./answer-format.ts";

/** What is read from an answer. */
export interface AnswerParserOptions {
  readonly format: AnswerFormat;
  /** Those that may be called; `undefined`: the answer has no calls. */
  readonly tools?: readonly CallableTool[] | undefined;
  /** Further calls are dropped. [Infinity] */
  readonly maxCalls?: number | undefined;
  /** The prompt ends within the reasoning. [false] */
  readonly isReasoningOpen?: boolean | undefined;
}

/** Creates the id of a call: `call_` and 24 hexadecimal digits. */
function createCallId(): string {
  return `call_${randomUUID().replaceAll("-", "").slice(0, 24)}`;
}

/** Parses the text of one answer as it comes; the parts are the same wherever the text is cut. */
export class AnswerParser {
  readonly #cursor: TextCursor = new TextCursor();
  readonly #sink: PartSink;
  readonly #parsing: Parsing;

  constructor(options: AnswerParserOptions) {
    const { format, maxCalls } = options;
    this.#sink = new PartSink({ createCallId: format.tools?.createCallId ?? createCallId, maxCalls });
    this.#parsing = this.#parse(options);
    this.#parsing.next();
  }

  /** The text so far ends within the reasoning. */
  get isReasoning(): boolean {
    return this.#sink.isReasoning;
  }

  /** Takes text; returns the parts that it completes. */
  push(text: string): readonly AnswerPart[] {
    this.#cursor.append(text);
    this.#parsing.next();
    return this.#sink.take();
  }

  /** Returns what was held back; the text has ended. */
  end(): readonly AnswerPart[] {
    this.#cursor.end();
    this.#parsing.next();
    this.#sink.end();
    return this.#sink.take();
  }

  *#parse({ format, tools, isReasoningOpen = false }: AnswerParserOptions): Parsing {
    const cursor = this.#cursor;
    const sink = this.#sink;
    if (format.reasoning !== undefined) {
      yield* format.reasoning.parse({ cursor, sink, isOpen: isReasoningOpen });
    }
    if (format.tools !== undefined && tools !== undefined) {
      const texts = new Map(tools.map((tool) => [tool.name, new Set(tool.textParameters)]));
      const isText = (name: string, parameter: string): boolean => texts.get(name)?.has(parameter) ?? false;
      yield* format.tools.parse({ cursor, sink, isText, toolNames: new Set(texts.keys()) });
    }
    while (yield* cursor.hasMore()) {
      const { rest } = cursor;
      cursor.skip(rest.length);
      sink.content(rest);
    }
  }
}
