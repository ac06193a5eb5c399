import { parseJson } from "../shared/answer.ts";
import { CaseEnd, type ConformanceArea } from "../shared/conformance-case.ts";
import { findDisorder, findMisnamed, type EventKind } from "../shared/event-order.ts";
import { streamedMessage, streamedMessageCall } from "../shared/messages-requests.ts";
import { joinTexts, showValue, valueAt } from "../shared/json-values.ts";
import { places } from "../shared/tool-requests.ts";

const kinds: readonly EventKind[] = [
  ["S", /^message_start$/],
  ["B", /^content_block_start$/],
  ["d", /^content_block_delta$/],
  ["E", /^content_block_stop$/],
  ["M", /^message_delta$/],
  ["Z", /^message_stop$/],
];
const order = /^S(?:Bd*E)*MZ$/;

/** Anthropic's messages, as streams. */
export const messageStreams: ConformanceArea = {
  name: "message-streams",
  cases: [
    {
      name: "names",
      expected: "every event has the type in its data as its name",
      breaks: "Anthropic's SDK throws `request ended without sending any chunks`, LangChain a TypeError",
      check: async (server) => findMisnamed(await streamedMessage(server)),
    },
    {
      name: "order",
      expected:
        "the events are message_start, then of each block its start, deltas and stop, message_delta, message_stop",
      breaks: "without content_block_stop the AI SDK has no call",
      check: async (server) => {
        const events = (await streamedMessage(server)).filter(({ name }) => name !== "ping");
        return findDisorder(events, kinds, order);
      },
    },
    {
      name: "index",
      expected: "the events of a block have its index, counted from 0",
      breaks: "Anthropic's SDK and the AI SDK have no text and an empty call or none, and say nothing",
      check: async (server) => {
        const events = (await streamedMessage(server)).filter(({ name = "" }) =>
          name.startsWith("content_block"),
        );
        const starts = events.filter(({ name }) => name === "content_block_start");
        const isRight =
          starts.every(({ json }, at) => valueAt(json, "index") === at) &&
          events.every(({ json }) => Number.isInteger(valueAt(json, "index")));
        return isRight && starts.length > 0 ? undefined : showValue(events.map(({ json }) => json));
      },
    },
    {
      name: "start",
      expected: "message_start has the message with its input_tokens and no blocks yet",
      breaks: "without usage Anthropic's SDK, the AI SDK and LangChain throw",
      check: async (server) => {
        const message = valueAt((await streamedMessage(server))[0]?.json, "message");
        const isRight =
          Number.isInteger(valueAt(message, "usage", "input_tokens")) &&
          valueAt(message, "content", "length") === 0;
        return isRight ? undefined : showValue(message);
      },
    },
    {
      name: "end",
      expected: "message_delta has the stop_reason and the output_tokens",
      breaks: "the AI SDK ends with the reason `other`, others with none",
      check: async (server) => {
        const delta = (await streamedMessage(server)).find(({ name }) => name === "message_delta")?.json;
        const isRight =
          typeof valueAt(delta, "delta", "stop_reason") === "string" &&
          Number(valueAt(delta, "usage", "output_tokens")) > 0;
        return isRight ? undefined : showValue(delta);
      },
    },
    {
      name: "call",
      expected: "a call starts with id and name, and its input follows as text in input_json_delta",
      breaks:
        "without an id the AI SDK has no call, LangChain an invalid one, Anthropic's SDK one without an id",
      check: async (server) => {
        const events = await streamedMessageCall(server);
        const start = events.find(({ json }) => valueAt(json, "content_block", "type") === "tool_use");
        const block = valueAt(start?.json, "content_block");
        if (block === undefined) throw new CaseEnd("skipped", "the model made no call");
        if (typeof valueAt(block, "id") !== "string" || valueAt(block, "name") !== "look") {
          return showValue(block);
        }
        const text = joinTexts(events.map(({ json }) => valueAt(json, "delta", "partial_json")));
        return places.includes(String(valueAt(parseJson(text), "place"))) ? undefined : showValue(text);
      },
    },
  ],
};
