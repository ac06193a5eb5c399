import { isRecord } from "../../is-record.ts";
import type { AnswerPart } from "../../parsers/part-sink.ts";
import { GrowingText } from "../../text/growing-text.ts";
import { jsonPieces } from "../shared/generation/json-pieces.ts";
import { partsOf } from "../../operations/token-delta.ts";
import type { TrackedReplies } from "../shared/generation/track-progress.ts";
import { endOf, messageOf, noEnd, type MessageHead } from "./message-head.ts";

interface TextPiece {
  readonly type: "content" | "reasoning";
  readonly text: GrowingText;
}

interface CallPiece {
  readonly type: "call";
  readonly id: string;
  readonly name: string;
  readonly text: GrowingText;
}

type Piece = TextPiece | CallPiece;

/**
 * The arguments of a call as an object, which the format requires. Other text, such as that of a call that was cut
 * off, is wrapped as Anthropic's documentation does with invalid JSON.
 */
function toInput(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch {
    // Handled as text that is JSON and no object.
  }
  return { INVALID_JSON: text };
}

function toBlock(piece: Piece, isThinkingOmitted: boolean): object {
  const text = piece.text.toString();
  switch (piece.type) {
    case "content":
      return { type: "text", text };
    case "reasoning":
      return { type: "thinking", thinking: isThinkingOmitted ? "" : text, signature: "" };
    case "call": {
      const { id, name } = piece;
      return { type: "tool_use", id, name, input: toInput(text), caller: { type: "direct" } };
    }
  }
}

/** The blocks of one message, collected. */
class CollectedBlocks {
  readonly #pieces: Piece[] = [];

  add(part: AnswerPart): void {
    if (part.type === "call") {
      this.#pieces.push({ type: "call", id: part.id, name: part.name, text: new GrowingText() });
      return;
    }
    const type = part.type === "arguments" ? "call" : part.type;
    const last = this.#pieces.at(-1);
    if (last?.type === type) last.text.push(part.text);
    else if (type !== "call") this.#pieces.push({ type, text: new GrowingText(part.text) });
  }

  get hasCalls(): boolean {
    return this.#pieces.some(({ type }) => type === "call");
  }

  toContent({ isThinkingOmitted }: Pick<MessageHead, "isThinkingOmitted">): readonly object[] {
    return this.#pieces.map((piece) => toBlock(piece, isThinkingOmitted));
  }
}

/** Resolves with the whole message, in pieces. */
export async function collectMessage(replies: TrackedReplies, head: MessageHead): Promise<Iterable<string>> {
  let blocks = new CollectedBlocks();
  const onRestart = (): void => {
    blocks = new CollectedBlocks();
  };
  let end = noEnd;
  for await (const { delta } of replies.deltas({ onRestart })) {
    for (const part of partsOf(delta)) blocks.add(part);
    if (delta.finishReason !== undefined) end = endOf(delta, blocks.hasCalls);
  }
  return jsonPieces(messageOf(head, { content: blocks.toContent(head), end, usage: replies.usage() }));
}
