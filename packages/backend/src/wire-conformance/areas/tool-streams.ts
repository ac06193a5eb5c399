import { parseJson } from "../shared/answer.ts";
import type { ConformanceArea } from "../shared/conformance-case.ts";
import { joinTexts, showValue, valueAt } from "../shared/json-values.ts";
import { look, places, streamedCalls } from "../shared/tool-requests.ts";

/** Calls of tools in streams. */
export const toolStreams: ConformanceArea = {
  name: "tool-streams",
  cases: [
    {
      name: "id",
      expected: "the first delta of a call has its id",
      breaks: "LangChain has the call among invalid_tool_calls; openai and the AI SDK invent an id",
      check: async (server) => {
        const [first] = (await streamedCalls(server)).deltas;
        const id = valueAt(first, "id");
        return typeof id === "string" && id !== "" ? undefined : showValue(first);
      },
    },
    {
      name: "type",
      expected: "the first delta of a call has the type function",
      breaks: "openai's .stream() throws",
      check: async (server) => {
        const [first] = (await streamedCalls(server)).deltas;
        return valueAt(first, "type") === "function" ? undefined : showValue(first);
      },
    },
    {
      name: "index",
      expected: "every delta of a call has the index of the call",
      breaks: "openai's .stream() has no calls and says nothing; @ai-sdk/openai has a validation error",
      check: async (server) => {
        const { deltas } = await streamedCalls(server);
        const other = deltas.find((delta) => valueAt(delta, "index") !== 0);
        return other === undefined && deltas.length > 0 ? undefined : showValue(other);
      },
    },
    {
      name: "name",
      expected: "the first delta of a call has the whole name",
      breaks: "of a name in parts the AI SDK makes two invalid calls",
      check: async (server) => {
        const name = valueAt((await streamedCalls(server)).deltas[0], "function", "name");
        return name === valueAt(look, "function", "name") ? undefined : showValue(name);
      },
    },
    {
      name: "arguments",
      expected: "the arguments are sent in parts of text that are JSON together",
      breaks:
        "objects: openai's .stream() has `[object Object]`, the AI SDK an error, LangChain an invalid call",
      check: async (server) => {
        const { deltas } = await streamedCalls(server);
        const parts = deltas.map((delta) => valueAt(delta, "function", "arguments") ?? "");
        const other = parts.find((part) => typeof part !== "string");
        if (other !== undefined) return showValue(other);
        const place = valueAt(parseJson(joinTexts(parts)), "place");
        return places.includes(String(place)) ? undefined : showValue(joinTexts(parts));
      },
    },
    {
      name: "finish-reason",
      expected: "a stream with calls has the finish reason tool_calls",
      breaks: "agents that branch on it take the answer for the last one",
      check: async (server) => {
        const { reason } = await streamedCalls(server);
        return reason === "tool_calls" ? undefined : showValue(reason);
      },
    },
  ],
};
