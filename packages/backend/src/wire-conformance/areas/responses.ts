import { accepted, parseJson, supported } from "../shared/answer.ts";
import { question } from "../shared/chat-requests.ts";
import { CaseEnd, type ConformanceArea } from "../shared/conformance-case.ts";
import { askResponse, responseWithCall, wholeResponse } from "../shared/responses-requests.ts";
import { elementsAt, showValue, valueAt } from "../shared/json-values.ts";
import { places } from "../shared/tool-requests.ts";

/** OpenAI's responses, as wholes. */
export const responses: ConformanceArea = {
  name: "responses",
  cases: [
    {
      name: "object",
      expected: "an answer has object response, an id and a status",
      breaks: "openai's output_text is missing",
      check: async (server) => {
        const json = await wholeResponse(server);
        const isRight =
          valueAt(json, "object") === "response" &&
          typeof valueAt(json, "id") === "string" &&
          ["completed", "incomplete"].includes(String(valueAt(json, "status")));
        return isRight ? undefined : showValue(json);
      },
    },
    {
      name: "message",
      expected: "output has a message of the assistant with parts output_text",
      breaks:
        "a part without text: the AI SDK throws `Invalid JSON response`, LangChain and @openai/agents show `undefined`",
      check: async (server) => {
        const items = elementsAt(await wholeResponse(server), "output");
        const messages = items.filter((item) => valueAt(item, "type") === "message");
        const isRight = messages.every(
          (message) =>
            valueAt(message, "role") === "assistant" &&
            typeof valueAt(message, "id") === "string" &&
            elementsAt(message, "content").every(
              (part) =>
                valueAt(part, "type") === "output_text" &&
                typeof valueAt(part, "text") === "string" &&
                Array.isArray(valueAt(part, "annotations")),
            ),
        );
        return isRight && items.length > 0 ? undefined : showValue(items);
      },
    },
    {
      name: "usage",
      expected: "usage has input_tokens, output_tokens and their sum total_tokens",
      breaks: "LangChain and @openai/agents count 0 tokens, the AI SDK none",
      check: async (server) => {
        const usage = valueAt(await wholeResponse(server), "usage");
        const [input, output, total] = ["input_tokens", "output_tokens", "total_tokens"].map((name) =>
          Number(valueAt(usage, name)),
        );
        const isSum = input !== undefined && output !== undefined && input + output === total;
        return isSum && input > 0 && output > 0 ? undefined : showValue(usage);
      },
    },
    {
      name: "incomplete",
      expected: "an answer that is cut off has the status incomplete and the reason max_output_tokens",
      breaks: "agents take what is cut off for whole",
      check: async (server) => {
        const json = await wholeResponse(server);
        const usage = valueAt(json, "usage");
        if (Number(valueAt(usage, "output_tokens")) < 16) {
          throw new CaseEnd("skipped", "the answer ended before its length");
        }
        const reason = valueAt(json, "incomplete_details", "reason");
        const status = valueAt(json, "status");
        return status === "incomplete" && reason === "max_output_tokens"
          ? undefined
          : `${showValue(status)} with the reason ${showValue(reason)}`;
      },
    },
    {
      name: "call",
      expected: "a call is an item function_call with call_id, name and its arguments as text",
      breaks: "the AI SDK throws `Invalid JSON response`",
      check: async (server) => {
        const items = await responseWithCall(server);
        const call = items.find((item) => valueAt(item, "type") === "function_call");
        const text = valueAt(call, "arguments");
        const place = typeof text === "string" ? valueAt(parseJson(text), "place") : undefined;
        const isRight =
          typeof valueAt(call, "call_id") === "string" &&
          valueAt(call, "name") === "look" &&
          places.includes(String(place));
        return isRight ? undefined : showValue(items);
      },
    },
    {
      name: "sent-back",
      expected: "output with a call may be sent back as it is, with the result",
      breaks: "agents: their second request fails",
      check: async (server) => {
        const items = await responseWithCall(server);
        const call = items.find((item) => valueAt(item, "type") === "function_call");
        if (call === undefined) throw new CaseEnd("skipped", "the model made no call");
        const result = {
          type: "function_call_output",
          call_id: valueAt(call, "call_id"),
          output: "A fox sleeps here.",
        };
        accepted(await askResponse(server, { input: [question, ...items, result] }));
        return undefined;
      },
    },
    {
      name: "schema",
      expected: "with text.format json_schema the text is JSON of the schema",
      breaks: "openai's responses.parse() throws",
      check: async (server) => {
        const schema = {
          type: "object",
          properties: { place: { enum: places } },
          required: ["place"],
          additionalProperties: false,
        };
        const format = { type: "json_schema", name: "fox", strict: true, schema };
        const { json } = supported(await askResponse(server, { max_output_tokens: 500, text: { format } }));
        if (valueAt(json, "status") === "incomplete") {
          throw new CaseEnd("skipped", "the answer had not ended after 500 tokens");
        }
        const items = elementsAt(json, "output");
        const message = items.find((item) => valueAt(item, "type") === "message");
        const text = valueAt(message, "content", 0, "text");
        const place = typeof text === "string" ? valueAt(parseJson(text), "place") : undefined;
        return places.includes(String(place)) ? undefined : showValue(text);
      },
    },
    {
      name: "previous",
      expected: "a response goes on with the one of previous_response_id",
      breaks: "@openai/agents with previousResponseId",
      check: async (server) => {
        const first = supported(await askResponse(server, { store: true })).json;
        const previous = valueAt(first, "id");
        const { json } = supported(await askResponse(server, { previous_response_id: previous }));
        const before = Number(valueAt(first, "usage", "input_tokens"));
        const count = valueAt(json, "usage", "input_tokens");
        return Number(count) > before ? undefined : `${showValue(count)} tokens of input, as without it`;
      },
    },
  ],
};
