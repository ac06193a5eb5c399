import type { FinishReason } from "@infernode/inference";
import type { AnswerPart } from "../../../parsers/part-sink.ts";
import { GrowingText } from "../../../text/growing-text.ts";
import { JsonParts } from "../../shared/generation/json-pieces.ts";
import { LogprobStore } from "../../shared/generation/logprob-store.ts";
import { partsOf, type TokenDelta } from "../../../operations/token-delta.ts";
import type { TokenTexts } from "../../shared/generation/token-texts.ts";
import { role, toFinishReason } from "./chat-parts.ts";
import { toChatLogprobs } from "./logprobs.ts";

function* contentParts(logprobs: LogprobStore): Generator<readonly unknown[]> {
  for (const part of logprobs.parts()) {
    yield toChatLogprobs(part.filter((entry) => entry !== undefined)).content;
  }
}

interface CollectedCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: GrowingText;
}

/** One whole answer, collected. */
export class CollectedAnswer {
  readonly #texts: TokenTexts;
  readonly #hasReasoning: boolean;
  readonly #text = new GrowingText();
  readonly #reasoning = new GrowingText();
  readonly #calls: CollectedCall[] = [];
  #logprobs: LogprobStore | undefined;
  #finishReason: FinishReason | undefined;

  constructor(texts: TokenTexts, hasReasoning: boolean) {
    this.#texts = texts;
    this.#hasReasoning = hasReasoning;
  }

  add(delta: TokenDelta): void {
    const { logprobs, finishReason } = delta;
    for (const part of partsOf(delta)) this.#addPart(part);
    if (logprobs !== undefined) {
      this.#logprobs ??= new LogprobStore(this.#texts);
      this.#logprobs.add(logprobs);
    }
    this.#finishReason ??= finishReason;
  }

  toChoice(index: number): object {
    const logprobs = this.#logprobs;
    const hasCalls = this.#calls.length > 0;
    return {
      index,
      message: this.#message(hasCalls),
      logprobs:
        logprobs === undefined ? null : { content: new JsonParts(contentParts(logprobs)), refusal: null },
      finish_reason: toFinishReason(this.#finishReason, hasCalls),
    };
  }

  #message(hasCalls: boolean): object {
    const reasoning = this.#reasoning.toString();
    return {
      role,
      content: hasCalls && this.#text.isEmpty ? null : this.#text.toString(),
      refusal: null,
      ...(reasoning === "" ? {} : { reasoning_content: reasoning, reasoning }),
      ...(hasCalls ? { tool_calls: this.#calls.map(toToolCall) } : {}),
    };
  }

  #addPart(part: AnswerPart): void {
    switch (part.type) {
      case "content":
        return this.#text.push(part.text);
      case "reasoning":
        if (this.#hasReasoning) this.#reasoning.push(part.text);
        return;
      case "call":
        this.#calls[part.callIndex] = { id: part.id, name: part.name, arguments: new GrowingText() };
        return;
      case "arguments":
        this.#calls[part.callIndex]?.arguments.push(part.text);
    }
  }
}

function toToolCall({ id, name, arguments: text }: CollectedCall): object {
  return { id, type: "function", function: { name, arguments: text.toString() } };
}
