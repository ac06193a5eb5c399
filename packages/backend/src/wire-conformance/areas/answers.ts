import { supported } from "../shared/answer.ts";
import { askChat } from "../shared/chat-requests.ts";
import type { ConformanceArea } from "../shared/conformance-case.ts";
import type { ProbedServer } from "../shared/probed-server.ts";
import { elementsAt, showValue, valueAt } from "../shared/json-values.ts";

const answer = async (server: ProbedServer): Promise<unknown> => supported(await askChat(server)).json;

/** What a chat's answer consists of that is not a stream. */
export const answers: ConformanceArea = {
  name: "answers",
  cases: [
    {
      name: "json",
      expected: "an answer is JSON with the content type application/json",
      breaks: "openai and LangChain throw a TypeError that says nothing",
      check: async (server) => {
        const { headers, json } = supported(await askChat(server));
        const type = headers.get("content-type");
        if (json === undefined) return "no JSON";
        return type?.startsWith("application/json") === true ? undefined : showValue(type);
      },
    },
    {
      name: "object",
      expected: "an answer has object chat.completion, an id, a number created and a model",
      breaks: "none that was measured",
      check: async (server) => {
        const json = await answer(server);
        const isRight =
          valueAt(json, "object") === "chat.completion" &&
          typeof valueAt(json, "id") === "string" &&
          typeof valueAt(json, "created") === "number" &&
          typeof valueAt(json, "model") === "string";
        return isRight ? undefined : showValue(json);
      },
    },
    {
      name: "choices",
      expected: "an answer has one choice with index 0",
      breaks: "without choices @ai-sdk/openai-compatible and LangChain throw",
      check: async (server) => {
        const choices = elementsAt(await answer(server), "choices");
        return choices.length === 1 && valueAt(choices, 0, "index") === 0 ? undefined : showValue(choices);
      },
    },
    {
      name: "message",
      expected: "the message has the role assistant and a text, or null, as its content",
      breaks: "LangChain makes a message of another kind of it",
      check: async (server) => {
        const message = valueAt(await answer(server), "choices", 0, "message");
        const content = valueAt(message, "content");
        const isRight =
          valueAt(message, "role") === "assistant" && (typeof content === "string" || content === null);
        return isRight ? undefined : showValue(message);
      },
    },
    {
      name: "length",
      expected: "max_tokens limits the answer, and one that is cut off has the finish reason length",
      breaks: "agents take what is cut off for whole",
      check: async (server) => {
        const { json } = supported(await askChat(server, { max_tokens: 2 }));
        const count = valueAt(json, "usage", "completion_tokens");
        const reason = valueAt(json, "choices", 0, "finish_reason");
        const isRight = typeof count === "number" && count <= 2 && (reason === "length" || count < 2);
        return isRight ? undefined : `${showValue(reason)} after ${showValue(count)} tokens`;
      },
    },
    {
      name: "usage",
      expected: "usage has prompt_tokens, completion_tokens and their sum total_tokens",
      breaks: "clients count nothing",
      check: async (server) => {
        const usage = valueAt(await answer(server), "usage");
        const [prompt, own, total] = ["prompt_tokens", "completion_tokens", "total_tokens"].map((name) =>
          Number(valueAt(usage, name)),
        );
        const isSum = prompt !== undefined && own !== undefined && prompt + own === total;
        return isSum && prompt > 0 && own > 0 ? undefined : showValue(usage);
      },
    },
  ],
};
