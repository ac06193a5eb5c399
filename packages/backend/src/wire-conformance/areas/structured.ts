import { parseJson, supported, type Answer } from "../shared/answer.ts";
import { askChat } from "../shared/chat-requests.ts";
import { CaseEnd, type ConformanceArea } from "../shared/conformance-case.ts";
import type { ProbedServer } from "../shared/probed-server.ts";
import { showValue, valueAt } from "../shared/json-values.ts";

const places = ["den", "burrow"];

/** As LangChain sends it. */
const schema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Fox",
  type: "object",
  properties: { place: { enum: places }, isAsleep: { type: "boolean" } },
  required: ["place", "isAsleep"],
  additionalProperties: false,
};

const messages = [{ role: "user", content: "Say in JSON where the fox is and whether it is asleep." }];

function ask(server: ProbedServer, format: object, maxTokens = 500): Promise<Answer> {
  return askChat(server, { messages, max_tokens: maxTokens, response_format: format });
}

function askForSchema(server: ProbedServer, own: object, maxTokens?: number): Promise<Answer> {
  const format = { type: "json_schema", json_schema: { name: "fox", strict: true, schema: own } };
  return ask(server, format, maxTokens);
}

/** The answer's text, if it ended. */
function contentOf({ json }: Answer): unknown {
  if (valueAt(json, "choices", 0, "finish_reason") === "length") {
    throw new CaseEnd("skipped", "the answer had not ended at its length");
  }
  return valueAt(json, "choices", 0, "message", "content");
}

/** The text of an answer that is any JSON object; some models end one only with luck. */
async function anyObject(server: ProbedServer): Promise<unknown> {
  const format = { response_format: { type: "json_object" }, max_tokens: 200, messages };
  for (const seed of [1, 2, 3]) {
    const answer = supported(await askChat(server, { ...format, temperature: 1, seed }));
    if (valueAt(answer.json, "choices", 0, "finish_reason") !== "length") return contentOf(answer);
  }
  throw new CaseEnd("skipped", "no answer had ended after 200 tokens");
}

/** Answers of a given form. */
export const structured: ConformanceArea = {
  name: "structured",
  cases: [
    {
      name: "json-schema",
      expected: "with response_format json_schema the content is JSON of the schema",
      breaks: "openai's .parse(), LangChain's withStructuredOutput and the AI SDK's Output.object throw",
      check: async (server) => {
        const content = contentOf(supported(await askForSchema(server, schema)));
        const value = typeof content === "string" ? parseJson(content) : undefined;
        const isRight =
          places.includes(String(valueAt(value, "place"))) &&
          typeof valueAt(value, "isAsleep") === "boolean" &&
          Object.keys(value as object).length === 2;
        return isRight ? undefined : showValue(content);
      },
    },
    {
      name: "json-object",
      expected: "with response_format json_object the content is a JSON object",
      breaks: "@ai-sdk/openai-compatible, which sends this unless it is told of schemas, throws",
      check: async (server) => {
        const content = await anyObject(server);
        const value = typeof content === "string" ? parseJson(content) : undefined;
        const isRight = typeof value === "object" && value !== null && !Array.isArray(value);
        return isRight ? undefined : showValue(content);
      },
    },
    {
      name: "cut-off",
      expected: "JSON that is cut off has the finish reason length",
      breaks: "openai's .parse() tells by it that the JSON is not whole",
      check: async (server) => {
        const { json } = supported(await askForSchema(server, schema, 3));
        const reason = valueAt(json, "choices", 0, "finish_reason");
        return reason === "length" ? undefined : showValue(reason);
      },
    },
    {
      name: "unenforceable",
      expected: "a schema that cannot be enforced is refused with 400",
      breaks: "every client: it takes JSON of any form for valid",
      check: async (server) => {
        supported(await askForSchema(server, schema));
        const unknown = { type: "object", properties: { a: { $ref: "#/$defs/missing" } }, required: ["a"] };
        const { status } = await askForSchema(server, unknown);
        return status === 400 ? undefined : `${status}`;
      },
    },
  ],
};
