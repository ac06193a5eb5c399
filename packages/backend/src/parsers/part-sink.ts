import { HeldSpace } from "./held-space.ts";

/** What a piece of an answer is. The pieces of a call follow it; calls are numbered from 0 in each answer. */
export type AnswerPart =
  | { readonly type: "content"; readonly text: string }
  | { readonly type: "reasoning"; readonly text: string }
  /** A call begins: its whole name. */
  | { readonly type: "call"; readonly callIndex: number; readonly id: string; readonly name: string }
  /** A piece of the call's arguments: JSON text as the model wrote it. */
  | { readonly type: "arguments"; readonly callIndex: number; readonly text: string };

/** What parsers write an answer's parts with. */
export interface PartSinkOptions {
  readonly createCallId: () => string;
  /** Further calls are dropped. [Infinity] */
  readonly maxCalls?: number | undefined;
}

/**
 * Collects the parts of one answer. White space around reasoning, and between content and calls, belongs to the
 * format and is left out.
 */
export class PartSink {
  readonly #options: PartSinkOptions;
  #parts: AnswerPart[] = [];
  readonly #space = new HeldSpace();
  /** White space is left out until the next text. */
  #skipsSpace = false;
  #isReasoning = false;
  #callCount = 0;
  #hasArguments = false;

  constructor(options: PartSinkOptions) {
    this.#options = options;
  }

  get isReasoning(): boolean {
    return this.#isReasoning;
  }

  beginReasoning(): void {
    this.#write("content", this.#space.flush());
    this.#isReasoning = true;
    this.#skipsSpace = true;
  }

  reasoning(text: string): void {
    this.#writeText("reasoning", text);
  }

  endReasoning(): void {
    this.#isReasoning = false;
    this.#space.drop();
    this.#skipsSpace = true;
  }

  content(text: string): void {
    this.#writeText("content", text);
  }

  beginCall(name: string, id?: string): void {
    this.#space.drop();
    this.#callCount += 1;
    this.#hasArguments = false;
    const callId = id ?? this.#options.createCallId();
    this.#push({ type: "call", callIndex: this.#callCount - 1, id: callId, name });
  }

  arguments(text: string): void {
    if (text === "") return;
    this.#hasArguments = true;
    const last = this.#parts.at(-1);
    const callIndex = this.#callCount - 1;
    if (last?.type !== "arguments") return this.#push({ type: "arguments", callIndex, text });
    if (!this.#isBeyond(callIndex)) this.#parts[this.#parts.length - 1] = { ...last, text: last.text + text };
  }

  /** Ends a call; one without arguments gets `{}`. */
  endCall(): void {
    if (!this.#hasArguments) this.arguments("{}");
    this.#skipsSpace = true;
  }

  /** Writes what was held back; the text has ended. */
  end(): void {
    if (!this.#isReasoning && !this.#skipsSpace) this.#write("content", this.#space.flush());
  }

  /** Returns the parts since the last time. */
  take(): readonly AnswerPart[] {
    const parts = this.#parts;
    this.#parts = [];
    return parts;
  }

  #isBeyond(callIndex: number): boolean {
    return callIndex >= (this.#options.maxCalls ?? Number.POSITIVE_INFINITY);
  }

  #push(part: Extract<AnswerPart, { readonly callIndex: number }>): void {
    if (!this.#isBeyond(part.callIndex)) this.#parts.push(part);
  }

  #writeText(type: "content" | "reasoning", text: string): void {
    const shown = this.#skipsSpace ? text.trimStart() : text;
    if (shown === "") return;
    this.#skipsSpace = false;
    this.#write(type, this.#space.push(shown));
  }

  #write(type: "content" | "reasoning", text: string): void {
    if (text === "") return;
    const last = this.#parts.at(-1);
    if (last?.type === type) this.#parts[this.#parts.length - 1] = { type, text: last.text + text };
    else this.#parts.push({ type, text });
  }
}
