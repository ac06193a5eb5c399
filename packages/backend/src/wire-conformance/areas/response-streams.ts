import type { StreamEvent } from "../shared/answer.ts";
import { CaseEnd, type ConformanceArea } from "../shared/conformance-case.ts";
import { findDisorder, findMisnamed, type EventKind } from "../shared/event-order.ts";
import { streamedCall, streamedResponse } from "../shared/responses-requests.ts";
import { elementsAt, showValue, valueAt } from "../shared/json-values.ts";

const kinds: readonly EventKind[] = [
  ["C", /^response\.created$/],
  ["I", /^response\.in_progress$/],
  ["A", /\.output_item\.added$/],
  ["P", /part\.added$/],
  ["d", /\.delta$/],
  ["p", /part\.done$/],
  ["Z", /\.output_item\.done$/],
  ["D", /(?:text|arguments)\.done$/],
  ["E", /^response\.(?:completed|incomplete)$/],
];
const order = /^CI(?:A(?:Pd*Dp|d+D)*Z)+E$/;

const itemEvent = /^response\.(?!created|in_progress|completed|incomplete)/;
const partEvent = /part\.(?:added|done)$|text\.(?:delta|done)$/;

function textOf(events: readonly StreamEvent[], name: string, field: string): string {
  const own = events.filter((event) => event.name === name);
  return own.map(({ json }) => valueAt(json, field)).join("");
}

/** OpenAI's responses, as streams. */
export const responseStreams: ConformanceArea = {
  name: "response-streams",
  cases: [
    {
      name: "names",
      expected: "every event has the type in its data as its name",
      breaks: "none that was measured: all read the type in the data",
      check: async (server) => findMisnamed(await streamedResponse(server)),
    },
    {
      name: "order",
      expected:
        "the events are created, in_progress, then of each item added, its parts, done, at the end completed or incomplete",
      breaks: "openai's .stream() throws `missing content at index 0`",
      check: async (server) => findDisorder(await streamedResponse(server), kinds, order),
    },
    {
      name: "sequence",
      expected: "the events are numbered by sequence_number",
      breaks: "none that was measured",
      check: async (server) => {
        const numbers = (await streamedResponse(server)).map(({ json }) => valueAt(json, "sequence_number"));
        const isRight = numbers.every(
          (number, at) => Number.isInteger(number) && number === Number(numbers[0]) + at,
        );
        return isRight ? undefined : showValue(numbers);
      },
    },
    {
      name: "output-index",
      expected: "the events of an item have its output_index",
      breaks:
        "openai's .stream() throws `missing output at index undefined`; the AI SDK has an error and no text",
      check: async (server) => {
        const events = (await streamedResponse(server)).filter(({ name = "" }) => itemEvent.test(name));
        const other = events.find(({ json }) => !Number.isInteger(valueAt(json, "output_index")));
        return other === undefined ? undefined : showValue(other.json);
      },
    },
    {
      name: "item-id",
      expected: "the events of a part have item_id, the id of their item, and content_index",
      breaks: "the AI SDK has an error and no text",
      check: async (server) => {
        const events = await streamedResponse(server);
        const ids = new Set(events.map(({ json }) => valueAt(json, "item", "id")));
        ids.delete(undefined);
        const other = events.find(
          ({ name = "", json }) =>
            partEvent.test(name) &&
            !(ids.has(valueAt(json, "item_id")) && Number.isInteger(valueAt(json, "content_index"))),
        );
        return other === undefined ? undefined : showValue(other.json);
      },
    },
    {
      name: "text",
      expected: "the deltas of a text are together the text of its done, and that of the whole response",
      breaks: "none: the stream itself is wrong, and @openai/agents shows one text and keeps another",
      check: async (server) => {
        const events = await streamedResponse(server);
        const deltas = textOf(events, "response.output_text.delta", "delta");
        const done = textOf(events, "response.output_text.done", "text");
        const parts = elementsAt(events.at(-1)?.json, "response", "output").flatMap((item) =>
          elementsAt(item, "content").filter((part) => valueAt(part, "type") === "output_text"),
        );
        const whole = parts.map((part) => valueAt(part, "text")).join("");
        return deltas === done && done === whole ? undefined : showValue([deltas, done, whole]);
      },
    },
    {
      name: "usage",
      expected: "the last event has the response with its usage",
      breaks: "LangChain and @openai/agents count 0 tokens, openai and the AI SDK none",
      check: async (server) => {
        const last = (await streamedResponse(server)).at(-1)?.json;
        const count = Number(valueAt(last, "response", "usage", "output_tokens"));
        return count > 0 ? undefined : showValue(last);
      },
    },
    {
      name: "call",
      expected: "a call is added with call_id and name, and its arguments follow in deltas",
      breaks: "the AI SDK has an error and no call",
      check: async (server) => {
        const events = await streamedCall(server);
        const disorder = findDisorder(events, kinds, order);
        if (disorder !== undefined) return disorder;
        const added = events.find(({ json }) => valueAt(json, "item", "type") === "function_call");
        const item = valueAt(added?.json, "item");
        if (item === undefined) throw new CaseEnd("skipped", "the model made no call");
        if (typeof valueAt(item, "call_id") !== "string" || valueAt(item, "name") !== "look") {
          return showValue(item);
        }
        const deltas = textOf(events, "response.function_call_arguments.delta", "delta");
        const done = textOf(events, "response.function_call_arguments.done", "arguments");
        return deltas === done && deltas !== "" ? undefined : showValue([deltas, done]);
      },
    },
  ],
};
