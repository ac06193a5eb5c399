import type { PartSink } from "../part-sink.ts";
import { Marks, readUntil } from "../read-until.ts";
import type { Parsing, TextCursor } from "../text-cursor.ts";
import { maxHeaderCharacters } from "./read-json-call.ts";

/** Writes text as the inside of a JSON string, whole characters only. */
class StringWriter {
  readonly #write: (json: string) => void;
  /** One before and one after the text, which are not part of it. */
  readonly #hasLineBreaks: boolean;
  /** A line break or half of a character at the end of the text so far. */
  #held = "";
  #isFirst: boolean;

  constructor(write: (json: string) => void, hasLineBreaks: boolean) {
    this.#write = write;
    this.#hasLineBreaks = hasLineBreaks;
    this.#isFirst = hasLineBreaks;
  }

  push(piece: string): void {
    let text = this.#held + piece;
    if (text === "") return;
    if (this.#isFirst && text.startsWith("\n")) text = text.slice(1);
    this.#isFirst = false;
    const heldLength = /[\n\ud800-\udbff]$/.test(text) ? 1 : 0;
    this.#held = text.slice(text.length - heldLength);
    this.#write(JSON.stringify(text.slice(0, text.length - heldLength)).slice(1, -1));
  }

  /** Writes what was held back; a line break before the end of a whole value is left out. */
  end(isWhole: boolean): void {
    if (isWhole && this.#hasLineBreaks && this.#held === "\n") return;
    this.#write(JSON.stringify(this.#held).slice(1, -1));
  }
}

/** A text that is JSON stays as it is written: `1.0` and large integers too. */
function jsonOf(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    const words: Readonly<Record<string, string>> = { True: "true", False: "false", None: "null" };
    return Object.hasOwn(words, text) ? (words[text] ?? "") : JSON.stringify(text);
  }
}

interface ParameterRules {
  /** The format writes each text on lines of its own. */
  readonly hasLineBreaks: boolean;
}

/** Writes the arguments of a call that come one by one, as the text of an object. */
export class ParameterWriter {
  readonly #cursor: TextCursor;
  readonly #sink: PartSink;
  readonly #rules: ParameterRules;
  #opening = "{";

  constructor(cursor: TextCursor, sink: PartSink, rules: ParameterRules) {
    this.#cursor = cursor;
    this.#sink = sink;
    this.#rules = rules;
  }

  /** Reads a value up to a mark: text as it comes, any other as JSON where it is that. Returns whether it ended. */
  *read(name: string, end: Marks, isText: boolean): Parsing<boolean> {
    const write = (json: string): void => this.#sink.arguments(json);
    write(`${this.#opening}${JSON.stringify(name)}: `);
    this.#opening = ", ";
    const short = isText ? "" : yield* this.#readShort(end);
    const [mark = ""] = end.texts;
    if (!isText && short.endsWith(mark)) {
      write(jsonOf(short.slice(0, -mark.length).trim()));
      return true;
    }
    write('"');
    const writer = new StringWriter(write, this.#rules.hasLineBreaks);
    writer.push(short);
    const isWhole = (yield* readUntil(this.#cursor, end, (text) => writer.push(text))) !== undefined;
    writer.end(isWhole);
    if (isWhole) write('"');
    return isWhole;
  }

  /** Ends the object, if it has begun. */
  end(): void {
    if (this.#opening !== "{") this.#sink.arguments("}");
  }

  /** A value with its mark; without it where the value is longer than is kept. */
  *#readShort(end: Marks): Parsing<string> {
    this.#cursor.record(maxHeaderCharacters);
    yield* readUntil(this.#cursor, end, () => undefined);
    return this.#cursor.takeRecorded();
  }
}
