import { expect, test } from "vitest";
import { toMessages } from "../../../../src/api/openai/responses/to-messages.ts";
import { toChatToolsJson } from "../../../../src/api/openai/responses/response-tools.ts";

test("reasoning, a message and calls that follow each other are one message", () => {
  const messages = toMessages(
    [
      { role: "user", content: [{ type: "input_text", text: "a" }] },
      { type: "reasoning", summary: [{ text: "short" }], content: [{ text: "long" }] },
      { role: "assistant", content: "b" },
      { type: "function_call", call_id: "1", name: "f", arguments: "{}" },
      { type: "function_call", call_id: "2", name: "g", arguments: "{}" },
      { type: "function_call_output", call_id: "1", output: "x" },
      { type: "function_call_output", call_id: "2", output: [{ type: "input_text", text: "y" }] },
      { type: "reasoning", summary: [{ text: "again" }] },
    ],
    "be brief",
  );
  const call = (id: string, name: string): object => ({
    id,
    type: "function",
    function: { name, arguments: "{}" },
  });
  expect(messages).toEqual([
    { role: "system", content: "be brief" },
    { role: "user", content: [{ type: "text", text: "a" }] },
    {
      role: "assistant",
      content: "b",
      reasoning_content: "long",
      tool_calls: [call("1", "f"), call("2", "g")],
    },
    { role: "tool", tool_call_id: "1", content: "x" },
    { role: "tool", tool_call_id: "2", content: [{ type: "text", text: "y" }] },
    { role: "assistant", content: "", reasoning_content: "again" },
  ]);
});

test("messages of the model that follow each other stay apart", () => {
  const said = (content: string): { role: "assistant"; content: string } => ({ role: "assistant", content });
  expect(toMessages([said("a"), said("b")], undefined)).toEqual([said("a"), said("b")]);
});

test("the text of tools keeps its values as they were written", () => {
  const json =
    ' [ {"type":"function", "parameters":{"b":1.0,"2":9007199254740993}, "name":"f"} , {"name":"g"}]';
  expect(toChatToolsJson(json)).toBe(
    '[{"type":"function","function":{"name":"f","parameters":{"b":1.0,"2":9007199254740993}}},' +
      '{"type":"function","function":{"name":"g"}}]',
  );
});
