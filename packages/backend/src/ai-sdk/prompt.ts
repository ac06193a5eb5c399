import type {
  LanguageModelV3Message,
  LanguageModelV3Prompt,
  LanguageModelV3ToolResultPart,
  SharedV3Warning,
} from "@ai-sdk/provider";
import type { ChatTemplateMessage } from "@infernode/models";
import { unsupportedFunctionality } from "./sdk-errors.ts";

type Assistant = Extract<LanguageModelV3Message, { readonly role: "assistant" }>;
type Warn = (warning: SharedV3Warning) => void;

function noFiles(part: string): Error {
  return unsupportedFunctionality(part, "the model reads text only");
}

/** Texts are joined as in chat completions. */
function userText(content: Extract<LanguageModelV3Message, { readonly role: "user" }>["content"]): string {
  const texts = content.map((part) => {
    if (part.type === "text") return part.text;
    throw noFiles(`a part of type "file" (${part.mediaType})`);
  });
  return texts.join("\n");
}

function resultText({ output }: LanguageModelV3ToolResultPart): string {
  switch (output.type) {
    case "text":
    case "error-text":
      return output.value;
    case "json":
    case "error-json":
      return JSON.stringify(output.value);
    case "execution-denied":
      return output.reason ?? "The tool was not allowed to run.";
    case "content":
      return output.value
        .map((part) => {
          if (part.type === "text") return part.text;
          throw noFiles(`the result of a tool with a part of type "${part.type}"`);
        })
        .join("\n");
  }
}

function toolMessage(part: LanguageModelV3ToolResultPart): ChatTemplateMessage {
  return { role: "tool", name: part.toolName, content: resultText(part), tool_call_id: part.toolCallId };
}

function assistantMessages({ content }: Assistant): readonly ChatTemplateMessage[] {
  let text = "";
  let reasoning = "";
  const calls: object[] = [];
  const results: ChatTemplateMessage[] = [];
  for (const part of content) {
    switch (part.type) {
      case "text":
        text += part.text;
        break;
      case "reasoning":
        reasoning += part.text;
        break;
      case "tool-call": {
        const { toolCallId: id, toolName: name, input } = part;
        calls.push({ id, type: "function", function: { name, arguments: JSON.stringify(input ?? {}) } });
        break;
      }
      case "tool-result":
        results.push(toolMessage(part));
        break;
      case "file":
        throw noFiles(`a part of type "file" (${part.mediaType})`);
    }
  }
  const message: ChatTemplateMessage = {
    role: "assistant",
    content: text === "" && calls.length > 0 ? null : text,
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  return [message, ...results];
}

/**
 * Makes the messages that chat templates read.
 * @throws the AI SDK's UnsupportedFunctionalityError for files
 */
export function toTemplateMessages(
  prompt: LanguageModelV3Prompt,
  warn: Warn,
): readonly ChatTemplateMessage[] {
  return prompt.flatMap((message): readonly ChatTemplateMessage[] => {
    switch (message.role) {
      case "system":
        return [{ role: "system", content: message.content }];
      case "user":
        return [{ role: "user", content: userText(message.content) }];
      case "assistant":
        return assistantMessages(message);
      case "tool":
        return message.content.flatMap((part) => {
          if (part.type === "tool-result") return [toolMessage(part)];
          warn({ type: "unsupported", feature: "tool approval responses", details: "the model is not told" });
          return [];
        });
    }
  });
}
