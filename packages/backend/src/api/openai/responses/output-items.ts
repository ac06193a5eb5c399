import type { AnswerPart } from "../../../parsers/part-sink.ts";
import { GrowingText } from "../../../text/growing-text.ts";

/** An event of a stream, before it gets its number. */
export interface ResponseEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** How far an item has come. */
export type ItemStatus = "in_progress" | "completed" | "incomplete";

/** One item of an answer, while its text grows. */
export interface OutputItem {
  readonly id: string;
  readonly text: GrowingText;
  /** What the item is with this text. */
  toObject(status: ItemStatus): object;
  /** The text as a part of the item; a call has none. */
  toPart(text: string): object | undefined;
  /** The event of a piece of the text. */
  toDelta(delta: string): ResponseEvent;
  /** The event of the whole text. */
  toDone(): ResponseEvent;
}

/** Creates the item of an answer's text. */
export function createMessageItem(id: string): OutputItem {
  const text = new GrowingText();
  const toPart = (value: string): object => ({
    type: "output_text",
    text: value,
    annotations: [],
    logprobs: [],
  });
  return {
    id,
    text,
    toPart,
    toObject: (status) => ({
      id,
      type: "message",
      status,
      role: "assistant",
      content: status === "in_progress" ? [] : [toPart(text.toString())],
    }),
    toDelta: (delta) => ({ type: "response.output_text.delta", delta, logprobs: [] }),
    toDone: () => ({ type: "response.output_text.done", text: text.toString(), logprobs: [] }),
  };
}

/** Creates the item of an answer's reasoning. */
export function createReasoningItem(id: string): OutputItem {
  const text = new GrowingText();
  const toPart = (value: string): object => ({ type: "reasoning_text", text: value });
  return {
    id,
    text,
    toPart,
    toObject: (status) => ({
      id,
      type: "reasoning",
      status,
      summary: [],
      content: status === "in_progress" ? [] : [toPart(text.toString())],
    }),
    toDelta: (delta) => ({ type: "response.reasoning_text.delta", delta }),
    toDone: () => ({ type: "response.reasoning_text.done", text: text.toString() }),
  };
}

/** Creates the item of a call. */
export function createCallItem(id: string, call: AnswerPart & { readonly type: "call" }): OutputItem {
  const text = new GrowingText();
  const { id: callId, name } = call;
  return {
    id,
    text,
    toPart: () => undefined,
    toObject: (status) => ({
      id,
      type: "function_call",
      status,
      call_id: callId,
      name,
      arguments: text.toString(),
    }),
    toDelta: (delta) => ({ type: "response.function_call_arguments.delta", delta }),
    toDone: () => ({ type: "response.function_call_arguments.done", name, arguments: text.toString() }),
  };
}
