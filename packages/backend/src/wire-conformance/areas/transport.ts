import { chunksOf, eventsOf, supported, type Answer } from "../shared/answer.ts";
import { streamChat } from "../shared/chat-requests.ts";
import type { ConformanceArea } from "../shared/conformance-case.ts";
import type { ProbedServer } from "../shared/probed-server.ts";
import { shorten, showValue } from "../shared/json-values.ts";

const stream = async (server: ProbedServer): Promise<Answer> => supported(await streamChat(server));

/** What a line of an event stream may be. */
const linePattern = /^(?:$|:|(?:data|event|id|retry)(?::|$))/;

/** How a stream is sent. */
export const transport: ConformanceArea = {
  name: "transport",
  cases: [
    {
      name: "content-type",
      expected: "a stream has the content type text/event-stream",
      breaks: "none that was measured; proxies may hold other types back until they are whole",
      check: async (server) => {
        const type = (await stream(server)).headers.get("content-type");
        return type?.startsWith("text/event-stream") === true ? undefined : showValue(type);
      },
    },
    {
      name: "lines",
      expected: "every line of a stream is empty, a comment, or a field data, event, id or retry",
      breaks: "none that was measured: parsers of event streams skip such lines, and what is in them",
      check: async (server) => {
        const lines = (await stream(server)).text.split(/\r\n|\n|\r/);
        const other = lines.find((line) => !linePattern.test(line));
        return other === undefined ? undefined : shorten(other);
      },
    },
    {
      name: "json",
      expected: "the data of every event before the last is a JSON object",
      breaks: "openai and LangChain throw at the first that is not; the AI SDK has an error in the stream",
      check: async (server) => {
        const chunks = chunksOf(await stream(server));
        if (chunks.length === 0) return "no event";
        const at = chunks.findIndex((chunk) => typeof chunk !== "object" || chunk === null);
        return at === -1 ? undefined : `event ${at} with ${showValue(chunks[at])}`;
      },
    },
    {
      name: "done",
      expected: "the last event of a stream is data: [DONE]",
      breaks: "none that was measured; clients of their own making wait for it",
      check: async (server) => {
        const last = eventsOf(await stream(server)).at(-1)?.data;
        return last === "[DONE]" ? undefined : showValue(last);
      },
    },
  ],
};
