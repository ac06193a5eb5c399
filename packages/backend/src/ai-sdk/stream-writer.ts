import type { LanguageModelV3StreamPart } from "@ai-sdk/provider";
import type { AnswerEvent } from "../conversation/start-answer.ts";
import { GrowingText } from "../text/growing-text.ts";
import { toEnd } from "./answer-ends.ts";

type Part = LanguageModelV3StreamPart;

type Block =
  | { readonly type: "text" | "reasoning"; readonly id: string }
  | {
      readonly type: "tool-input";
      readonly id: string;
      readonly toolName: string;
      readonly input: GrowingText;
    };

/** Writes the parts of an answer: each block of text, reasoning or a call begins and ends. */
export class StreamWriter {
  #open: Block | undefined;
  #count = 0;

  write(event: AnswerEvent): Part[] {
    switch (event.type) {
      case "content":
        return this.#text("text", event.text);
      case "reasoning":
        return this.#text("reasoning", event.text);
      case "call": {
        const { id, name: toolName } = event;
        const ended = this.#end();
        this.#open = { type: "tool-input", id, toolName, input: new GrowingText() };
        return [...ended, { type: "tool-input-start", id, toolName }];
      }
      case "arguments": {
        if (this.#open?.type !== "tool-input") return [];
        this.#open.input.push(event.text);
        return [{ type: "tool-input-delta", id: this.#open.id, delta: event.text }];
      }
      case "finished":
        return [...this.#end(), { type: "finish", ...toEnd(event) }];
      // Streams do not allow it.
      case "restarted":
        return [];
    }
  }

  #text(type: "text" | "reasoning", delta: string): Part[] {
    const parts: Part[] = [];
    let block = this.#open;
    if (block?.type !== type) {
      parts.push(...this.#end());
      block = { type, id: `${type}-${this.#count}` };
      this.#count += 1;
      this.#open = block;
      parts.push({ type: `${type}-start`, id: block.id });
    }
    parts.push({ type: `${type}-delta`, id: block.id, delta });
    return parts;
  }

  #end(): Part[] {
    const block = this.#open;
    this.#open = undefined;
    if (block === undefined) return [];
    const { id } = block;
    if (block.type !== "tool-input") return [{ type: `${block.type}-end`, id }];
    const { toolName, input } = block;
    const call: Part = { type: "tool-call", toolCallId: id, toolName, input: input.toString() };
    return [{ type: "tool-input-end", id }, call];
  }
}
