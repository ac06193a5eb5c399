import type { ChatTemplateMessage } from "@infernode/models";
import { invalidValue } from "../../shared/api-error.ts";
import type {
  Message,
  TextBlock,
  TextContent,
  ThinkingBlock,
  ToolResultBlock,
  ToolUseBlock,
} from "./blocks.ts";

type Block = TextBlock | ThinkingBlock | ToolUseBlock | ToolResultBlock;

/** Messages of one author that follow each other are one turn. */
interface Turn {
  readonly role: Message["role"];
  readonly blocks: Block[];
}

function blocksOf({ content }: Message): readonly Block[] {
  return typeof content === "string" ? [{ type: "text", text: content }] : content;
}

function joinText(content: TextContent): string {
  return typeof content === "string" ? content : content.map(({ text }) => text).join("\n");
}

function isText(block: Block): block is TextBlock {
  return block.type === "text";
}

/** The names of calls by their ids. @throws ApiError 400 for the result of a call that is not before it */
function readCalls(messages: readonly Message[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [index, message] of messages.entries()) {
    for (const [at, block] of blocksOf(message).entries()) {
      if (block.type === "tool_use") names.set(block.id, block.name);
      if (block.type !== "tool_result" || names.has(block.tool_use_id)) continue;
      const param = `messages[${index}].content[${at}].tool_use_id`;
      throw invalidValue(param, "the id of a call in a message before", { got: block.tool_use_id });
    }
  }
  return names;
}

function turnsOf(messages: readonly Message[]): readonly Turn[] {
  const turns: Turn[] = [];
  for (const message of messages) {
    const last = turns.at(-1);
    if (last?.role === message.role) last.blocks.push(...blocksOf(message));
    else turns.push({ role: message.role, blocks: [...blocksOf(message)] });
  }
  return turns;
}

/** Results are messages of their own; texts between them are joined. */
function userMessages(
  role: "user" | "system",
  blocks: readonly Block[],
  callNames: ReadonlyMap<string, string>,
): readonly ChatTemplateMessage[] {
  const messages: ChatTemplateMessage[] = [];
  let texts: TextBlock[] = [];
  const endText = (): void => {
    if (texts.length > 0) messages.push({ role, content: joinText(texts) });
    texts = [];
  };
  for (const block of blocks) {
    if (isText(block)) texts.push(block);
    if (block.type !== "tool_result") continue;
    endText();
    const { tool_use_id: id, content = "" } = block;
    messages.push({ role: "tool", name: callNames.get(id), content: joinText(content), tool_call_id: id });
  }
  endText();
  return messages;
}

function assistantMessage(blocks: readonly Block[]): ChatTemplateMessage {
  const texts = blocks.filter(isText);
  const thoughts = blocks.flatMap((block) => (block.type === "thinking" ? [block.thinking] : []));
  const calls = blocks.flatMap((block) => {
    if (block.type !== "tool_use") return [];
    const { id, name, input } = block;
    return [{ id, type: "function", function: { name, arguments: JSON.stringify(input) } }];
  });
  return {
    role: "assistant",
    content: texts.length === 0 && calls.length > 0 ? null : joinText(texts),
    ...(thoughts.length === 0 ? {} : { reasoning_content: thoughts.join("\n") }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

/**
 * Makes the messages that chat templates read: the system's text first, results as messages of the role `tool`.
 * @throws ApiError 400
 */
export function toTemplateMessages(
  system: TextContent | undefined,
  messages: readonly Message[],
): readonly ChatTemplateMessage[] {
  const callNames = readCalls(messages);
  const turns = turnsOf(messages).flatMap(({ role, blocks }) =>
    role === "assistant" ? [assistantMessage(blocks)] : userMessages(role, blocks, callNames),
  );
  return system === undefined ? turns : [{ role: "system", content: joinText(system) }, ...turns];
}
