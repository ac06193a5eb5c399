import { accepted, describeAnswer, supported } from "../shared/answer.ts";
import { question } from "../shared/chat-requests.ts";
import { CaseEnd, type ConformanceArea } from "../shared/conformance-case.ts";
import {
  askMessage,
  countTokens,
  lookTool,
  messageWithCall,
  wholeMessage,
} from "../shared/messages-requests.ts";
import { elementsAt, shorten, showValue, valueAt } from "../shared/json-values.ts";
import { places } from "../shared/tool-requests.ts";

const isCall = (block: unknown): boolean => valueAt(block, "type") === "tool_use";

/** Anthropic's messages, as wholes. */
export const messages: ConformanceArea = {
  name: "messages",
  cases: [
    {
      name: "object",
      expected: "an answer has type message, an id, the role assistant, a model and blocks",
      breaks: "none that was measured",
      check: async (server) => {
        const json = await wholeMessage(server);
        const isRight =
          valueAt(json, "type") === "message" &&
          valueAt(json, "role") === "assistant" &&
          typeof valueAt(json, "id") === "string" &&
          typeof valueAt(json, "model") === "string" &&
          elementsAt(json, "content").every((block) => typeof valueAt(block, "type") === "string");
        return isRight && Array.isArray(valueAt(json, "content")) ? undefined : showValue(json);
      },
    },
    {
      name: "usage",
      expected: "usage has input_tokens and output_tokens",
      breaks: "the AI SDK throws `Invalid JSON response`; LangChain and Anthropic's SDK count nothing",
      check: async (server) => {
        const usage = valueAt(await wholeMessage(server), "usage");
        const isRight =
          Number.isInteger(valueAt(usage, "input_tokens")) && Number(valueAt(usage, "output_tokens")) > 0;
        return isRight ? undefined : showValue(usage);
      },
    },
    {
      name: "stop-reason",
      expected: "an answer that is cut off has the stop_reason max_tokens",
      breaks: "agents take what is cut off for whole",
      check: async (server) => {
        const json = await wholeMessage(server);
        if (Number(valueAt(json, "usage", "output_tokens")) < 16) {
          throw new CaseEnd("skipped", "the answer ended before its length");
        }
        const reason = valueAt(json, "stop_reason");
        return reason === "max_tokens" ? undefined : showValue(reason);
      },
    },
    {
      name: "call",
      expected: "a call is a block tool_use with id, name and an object as its input",
      breaks: "all hand on what they get: tools get a text in place of an object",
      check: async (server) => {
        const json = await messageWithCall(server);
        const call = elementsAt(json, "content").find(isCall);
        const isRight =
          typeof valueAt(call, "id") === "string" &&
          valueAt(call, "name") === "look" &&
          places.includes(String(valueAt(call, "input", "place")));
        return isRight ? undefined : showValue(valueAt(json, "content"));
      },
    },
    {
      name: "call-reason",
      expected: "an answer with a call has the stop_reason tool_use",
      breaks: "the AI SDK has the reason `stop`; agents that branch on it take the answer for the last one",
      check: async (server) => {
        const json = await messageWithCall(server);
        if (!elementsAt(json, "content").some(isCall)) throw new CaseEnd("skipped", "the model made no call");
        const reason = valueAt(json, "stop_reason");
        return reason === "tool_use" ? undefined : showValue(reason);
      },
    },
    {
      name: "result",
      expected: "blocks may be sent back as they are, with tool_result",
      breaks: "agents: their second request fails",
      check: async (server) => {
        const content = elementsAt(await messageWithCall(server), "content");
        const id = valueAt(content.find(isCall), "id");
        if (id === undefined) throw new CaseEnd("skipped", "the model made no call");
        const result = { type: "tool_result", tool_use_id: id, content: "A fox sleeps here." };
        const history = [question, { role: "assistant", content }, { role: "user", content: [result] }];
        accepted(await askMessage(server, { tools: [lookTool], messages: history }));
        return undefined;
      },
    },
    {
      name: "count-tokens",
      expected: "POST /messages/count_tokens has the input_tokens of the message",
      breaks: "agents that measure their prompts before they send them",
      check: async (server) => {
        const usage = valueAt(await wholeMessage(server), "usage");
        const expected = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]
          .map((name) => Number(valueAt(usage, name) ?? 0))
          .reduce((sum, count) => sum + count);
        const count = valueAt(supported(await countTokens(server)).json, "input_tokens");
        return count === expected ? undefined : `${showValue(count)} in place of ${expected}`;
      },
    },
    {
      name: "error",
      expected: "an error has the type error, and error.type and error.message are texts",
      breaks: "the AI SDK shows `Bad Request` in place of the message",
      check: async (server) => {
        await wholeMessage(server);
        const answer = await askMessage(server, { max_tokens: "many" });
        const error = valueAt(answer.json, "error");
        if (answer.status !== 400) return describeAnswer(answer);
        const isRight =
          valueAt(answer.json, "type") === "error" &&
          typeof valueAt(error, "type") === "string" &&
          typeof valueAt(error, "message") === "string";
        return isRight ? undefined : shorten(answer.text);
      },
    },
  ],
};
