import { parseJson, supported } from "../shared/answer.ts";
import { CaseEnd, type ConformanceArea } from "../shared/conformance-case.ts";
import { elementsAt, showValue, valueAt } from "../shared/json-values.ts";
import {
  askAfterResult,
  askCalls,
  callsOf,
  look,
  places,
  wait,
  wholeCalls,
} from "../shared/tool-requests.ts";

/** Calls of tools in whole answers, and how they are asked for. */
export const tools: ConformanceArea = {
  name: "tools",
  cases: [
    {
      name: "auto",
      expected: "tools with $schema and tool_choice auto are accepted",
      breaks: "the AI SDK sends both with every tool",
      check: async (server) => {
        supported(await askCalls(server, { tool_choice: "auto", max_tokens: 16 }));
        return undefined;
      },
    },
    {
      name: "required",
      expected: "with tool_choice required there is a call",
      breaks: "agents that go on with the first call find none",
      check: async (server) => {
        const answer = supported(await askCalls(server, { parallel_tool_calls: false }));
        return callsOf(answer).length > 0 ? undefined : showValue(valueAt(answer.json, "choices", 0));
      },
    },
    {
      name: "named",
      expected: "with a function as tool_choice this function is called",
      breaks: "LangChain's withStructuredOutput by function calling, agents that hand over",
      check: async (server) => {
        const choice = { type: "function", function: { name: "wait" } };
        const answer = supported(await askCalls(server, { tools: [look, wait], tool_choice: choice }));
        const names = callsOf(answer).map((call) => valueAt(call, "function", "name"));
        return names.length > 0 && names.every((name) => name === "wait") ? undefined : showValue(names);
      },
    },
    {
      name: "none",
      expected: "with tool_choice none there is no call",
      breaks: "agents that ask for a final answer get another call",
      check: async (server) => {
        const { json } = supported(await askCalls(server, { tool_choice: "none", max_tokens: 64 }));
        const calls = elementsAt(json, "choices", 0, "message", "tool_calls");
        return calls.length === 0 ? undefined : showValue(calls);
      },
    },
    {
      name: "result",
      expected: "calls with content null and results by tool_call_id are accepted in the history",
      breaks: "agents: their second request fails",
      check: async (server) => {
        await wholeCalls(server);
        supported(await askAfterResult(server));
        return undefined;
      },
    },
    {
      name: "finish-reason",
      expected: "an answer with calls has the finish reason tool_calls",
      breaks: "agents that branch on it take the answer for the last one",
      check: async (server) => {
        const reason = valueAt((await wholeCalls(server)).json, "choices", 0, "finish_reason");
        return reason === "tool_calls" ? undefined : showValue(reason);
      },
    },
    {
      name: "id",
      expected: "a call has an id",
      breaks: "LangChain has the call among invalid_tool_calls",
      check: async (server) => {
        const id = valueAt(callsOf(await wholeCalls(server))[0], "id");
        return typeof id === "string" && id !== "" ? undefined : showValue(id);
      },
    },
    {
      name: "type",
      expected: "a call has the type function",
      breaks: "openai's .parse() and runTools() leave the call out",
      check: async (server) => {
        const type = valueAt(callsOf(await wholeCalls(server))[0], "type");
        return type === "function" ? undefined : showValue(type);
      },
    },
    {
      name: "arguments",
      expected: "the arguments are text, JSON of an object that matches the schema",
      breaks: "an object in place of the text: the AI SDK has a validation error, LangChain an invalid call",
      check: async (server) => {
        const text = valueAt(callsOf(await wholeCalls(server))[0], "function", "arguments");
        const place = typeof text === "string" ? valueAt(parseJson(text), "place") : undefined;
        return places.includes(String(place)) ? undefined : showValue(text);
      },
    },
    {
      name: "no-arguments",
      expected: "the arguments of a call without any are the text {}",
      breaks: "with an empty text the AI SDK has an invalid call",
      check: async (server) => {
        const fields = { tools: [wait], parallel_tool_calls: false };
        const calls = callsOf(supported(await askCalls(server, fields)));
        if (calls.length === 0) throw new CaseEnd("skipped", "the model made no call");
        const text = valueAt(calls[0], "function", "arguments");
        const json = typeof text === "string" ? parseJson(text) : undefined;
        return typeof json === "object" && json !== null ? undefined : showValue(text);
      },
    },
    {
      name: "one",
      expected: "with parallel_tool_calls false there is at most one call",
      breaks: "agents that take one step at a time",
      check: async (server) => {
        const calls = callsOf(await wholeCalls(server));
        return calls.length === 1 ? undefined : showValue(calls);
      },
    },
  ],
};
