import type { LanguageModelV3Content } from "@ai-sdk/provider";
import type { AnswerEvent, StartedAnswer } from "../conversation/start-answer.ts";
import { protocolError } from "../conversation/open-generation.ts";
import type { AnswerPart } from "../parsers/part-sink.ts";
import { GrowingText } from "../text/growing-text.ts";

type Finished = Extract<AnswerEvent, { readonly type: "finished" }>;

interface Block {
  readonly head: Exclude<AnswerPart, { readonly type: "arguments" }>;
  readonly text: GrowingText;
}

function toContent({ head, text }: Block): LanguageModelV3Content {
  const whole = text.toString();
  switch (head.type) {
    case "content":
      return { type: "text", text: whole };
    case "reasoning":
      return { type: "reasoning", text: whole };
    case "call":
      return { type: "tool-call", toolCallId: head.id, toolName: head.name, input: whole };
  }
}

/** Adds a part to the last block, or begins one. */
function addPart(blocks: Block[], part: AnswerPart): void {
  const last = blocks.at(-1);
  if (part.type === "arguments") return last?.text.push(part.text);
  if (part.type === "call") {
    blocks.push({ head: part, text: new GrowingText() });
  } else if (last?.head.type === part.type) {
    last.text.push(part.text);
  } else {
    blocks.push({ head: part, text: new GrowingText(part.text) });
  }
}

/** Collects an answer. */
export async function collectAnswer({ events }: StartedAnswer): Promise<{
  readonly content: LanguageModelV3Content[];
  readonly finished: Finished;
}> {
  let blocks: Block[] = [];
  for await (const event of events) {
    if (event.type === "finished") return { content: blocks.map(toContent), finished: event };
    if (event.type === "restarted") blocks = [];
    else addPart(blocks, event);
  }
  throw protocolError("the end before finished");
}
