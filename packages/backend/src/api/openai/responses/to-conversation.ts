import type { ConversationBody } from "../prompts/chat-admission.ts";
import type { ConversationItem } from "../items/input-items.ts";
import type { ResponsesBody, TextFormat } from "./responses-body.ts";
import { toChatToolChoice, toChatTools } from "./response-tools.ts";
import { toMessages } from "./to-messages.ts";

function toResponseFormat(format: TextFormat): ConversationBody["response_format"] {
  if (format.type !== "json_schema") return format;
  const { name, schema } = format;
  return { type: "json_schema", json_schema: { name, schema } };
}

/** What a body asks of the model, as chat completions say it. @param items the whole conversation */
export function toConversation(body: ResponsesBody, items: readonly ConversationItem[]): ConversationBody {
  const { instructions, tools, tool_choice: choice, text, reasoning } = body;
  return {
    messages: toMessages(items, instructions),
    temperature: body.temperature,
    top_p: body.top_p,
    top_k: body.top_k,
    min_p: body.min_p,
    seed: body.seed,
    stream: body.stream,
    max_tokens: body.max_output_tokens,
    response_format: text?.format && toResponseFormat(text.format),
    tools: tools && toChatTools(tools),
    tool_choice: toChatToolChoice(choice),
    parallel_tool_calls: body.parallel_tool_calls,
    reasoning_effort: reasoning?.effort,
    thinking_token_budget: body.thinking_token_budget,
    chat_template_kwargs: body.chat_template_kwargs,
    add_generation_prompt: undefined,
    continue_final_message: undefined,
  };
}
