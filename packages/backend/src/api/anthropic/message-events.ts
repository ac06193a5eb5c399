import type { AnswerPart } from "../../parsers/part-sink.ts";
import type { StreamEvent } from "../shared/generation.ts";
import { partsOf } from "../../operations/token-delta.ts";
import type { TrackedReplies } from "../shared/generation/track-progress.ts";
import { endOf, messageOf, noEnd, toUsage, type MessageHead } from "./message-head.ts";

/** The name of an event is also its type. */
function event(type: string, fields: object = {}): StreamEvent {
  return { name: type, data: JSON.stringify({ type, ...fields }) };
}

/** What a part adds to its block. */
function blockDelta(part: Exclude<AnswerPart, { readonly type: "call" }>): object {
  switch (part.type) {
    case "content":
      return { type: "text_delta", text: part.text };
    case "reasoning":
      return { type: "thinking_delta", thinking: part.text };
    case "arguments":
      return { type: "input_json_delta", partial_json: part.text };
  }
}

/** How the block of a part begins. */
function emptyBlock(part: AnswerPart): object {
  switch (part.type) {
    case "content":
      return { type: "text", text: "" };
    case "reasoning":
      return { type: "thinking", thinking: "", signature: "" };
    case "call":
    case "arguments":
      return {
        type: "tool_use",
        ...("id" in part && { id: part.id, name: part.name }),
        input: {},
        caller: { type: "direct" },
      };
  }
}

/** The events of a message's blocks: one begins where the kind of text changes, and with each call. */
class BlockEvents {
  #index = -1;
  #kind: AnswerPart["type"] | undefined;
  readonly #isThinkingOmitted: boolean;
  hasCalls = false;

  constructor({ isThinkingOmitted }: Pick<MessageHead, "isThinkingOmitted">) {
    this.#isThinkingOmitted = isThinkingOmitted;
  }

  push(part: AnswerPart, events: StreamEvent[]): void {
    // Arguments follow the beginning of their call.
    const isOpen = part.type === "arguments" ? this.#kind === "call" : part.type === this.#kind;
    if (part.type === "call" || !isOpen) this.#begin(part, events);
    if (part.type === "call") {
      this.hasCalls = true;
    } else if (part.type !== "reasoning" || !this.#isThinkingOmitted) {
      events.push(event("content_block_delta", { index: this.#index, delta: blockDelta(part) }));
    }
  }

  end(events: StreamEvent[]): void {
    // Clients take the signature for the end of the thinking, and send a block without one not back.
    if (this.#kind === "reasoning") {
      const delta = { type: "signature_delta", signature: "" };
      events.push(event("content_block_delta", { index: this.#index, delta }));
    }
    if (this.#kind !== undefined) events.push(event("content_block_stop", { index: this.#index }));
    this.#kind = undefined;
  }

  #begin(part: AnswerPart, events: StreamEvent[]): void {
    this.end(events);
    this.#index += 1;
    this.#kind = part.type;
    events.push(event("content_block_start", { index: this.#index, content_block: emptyBlock(part) }));
  }
}

/** Writes a message as events, in Anthropic's order. */
export async function* writeEvents(
  replies: TrackedReplies,
  head: MessageHead,
): AsyncGenerator<readonly StreamEvent[]> {
  const message = messageOf(head, { content: [], end: noEnd, usage: replies.usage() });
  yield [event("message_start", { message }), event("ping")];
  const blocks = new BlockEvents(head);
  let end = noEnd;
  for await (const { delta } of replies.deltas()) {
    const events: StreamEvent[] = [];
    for (const part of partsOf(delta)) blocks.push(part, events);
    if (delta.finishReason !== undefined) end = endOf(delta, blocks.hasCalls);
    if (events.length > 0) yield events;
  }
  const last: StreamEvent[] = [];
  blocks.end(last);
  last.push(event("message_delta", { delta: end, usage: toUsage(replies.usage()) }), event("message_stop"));
  yield last;
}
