import { describeAnswer, supported, type Answer } from "../shared/answer.ts";
import { askChat, chatPath } from "../shared/chat-requests.ts";
import { CaseEnd, type ConformanceArea } from "../shared/conformance-case.ts";
import type { ProbedServer } from "../shared/probed-server.ts";
import { elementsAt, shorten, showValue, valueAt } from "../shared/json-values.ts";

/** A request that no server can answer. */
async function invalid(server: ProbedServer): Promise<Answer> {
  supported(await askChat(server));
  return askChat(server, { temperature: "hot" });
}

/** Where the context's size is not known. */
const largeTokens = 262_144;

/** More than the context: every word is one token at least. */
async function tooLong(server: ProbedServer): Promise<Answer> {
  supported(await askChat(server));
  const list = elementsAt((await server.get("/models")).json, "data");
  const own = list.find((each) => valueAt(each, "id") === server.model);
  const size = Number(valueAt(own, "max_model_len") ?? valueAt(own, "meta", "n_ctx") ?? largeTokens);
  const content = "fox ".repeat(Math.min(size, largeTokens) + 16);
  return askChat(server, { messages: [{ role: "user", content }] });
}

/** How requests fail. */
export const errors: ConformanceArea = {
  name: "errors",
  cases: [
    {
      name: "status",
      expected: "an invalid value is refused with 400",
      breaks: "LangChain sends a request with 422 three times, all clients one with 500",
      check: async (server) => {
        const answer = await invalid(server);
        return answer.status === 400 ? undefined : describeAnswer(answer);
      },
    },
    {
      name: "body",
      expected: "an error is JSON: error.message and error.type are texts",
      breaks: "openai and LangChain show `400 status code (no body)`, the AI SDK `Bad Request`",
      check: async (server) => {
        const { json, text } = await invalid(server);
        const error = valueAt(json, "error");
        const isRight =
          typeof valueAt(error, "message") === "string" && typeof valueAt(error, "type") === "string";
        return isRight ? undefined : shorten(text);
      },
    },
    {
      name: "code",
      expected: "error.code and error.param are texts or null",
      breaks: "none that was measured; openai's type says so",
      check: async (server) => {
        const error = valueAt((await invalid(server)).json, "error");
        const isText = (value: unknown): boolean => value === null || typeof value === "string";
        return isText(valueAt(error, "code")) && isText(valueAt(error, "param"))
          ? undefined
          : showValue(error);
      },
    },
    {
      name: "json",
      expected: "a body that is not JSON is refused with 400",
      breaks: "all clients repeat a request that fails with 500",
      check: async (server) => {
        supported(await askChat(server));
        const answer = await server.post(chatPath, "{");
        return answer.status === 400 ? undefined : describeAnswer(answer);
      },
    },
    {
      name: "request-id",
      expected: "an error has the header x-request-id",
      breaks: "openai shows no requestID to look for in the log",
      check: async (server) =>
        (await invalid(server)).headers.get("x-request-id") === null ? "nothing" : undefined,
    },
    {
      name: "model",
      expected: "a model that there is not is refused with 404 and the code model_not_found",
      breaks: "openai's NotFoundError, LangChain's MODEL_NOT_FOUND; else another model answers",
      check: async (server) => {
        supported(await askChat(server));
        const answer = await askChat(server, { model: "no-such-model" });
        const code = valueAt(answer.json, "error", "code");
        if (answer.status !== 404) return describeAnswer(answer);
        return code === "model_not_found" ? undefined : `404 with the code ${showValue(code)}`;
      },
    },
    {
      name: "key",
      expected: "a wrong key is refused with 401 and the code invalid_api_key",
      breaks: "openai's AuthenticationError, LangChain's MODEL_AUTHENTICATION",
      check: async (server) => {
        if (server.apiKey === undefined) throw new CaseEnd("skipped", "there is no key: see --api-key");
        const headers = { authorization: "Bearer wrong", "x-api-key": "wrong" };
        const answer = await askChat(server, {}, { headers });
        const code = valueAt(answer.json, "error", "code");
        if (answer.status !== 401) return describeAnswer(answer);
        return code === "invalid_api_key" ? undefined : `401 with the code ${showValue(code)}`;
      },
    },
    {
      name: "context-length",
      expected:
        "a prompt beyond the context is refused with 400, the code context_length_exceeded and the words `maximum context length`",
      breaks: "LangChain's ContextOverflowError; agents that shorten their history",
      check: async (server) => {
        const answer = await tooLong(server);
        const { code, message } = (valueAt(answer.json, "error") ?? {}) as Record<string, unknown>;
        if (answer.status !== 400 || code !== "context_length_exceeded") {
          return `${describeAnswer(answer)}, with the code ${showValue(code)}`;
        }
        return String(message).includes("maximum context length") ? undefined : showValue(message);
      },
    },
    {
      name: "path",
      expected: "a path that there is not gets 404 as JSON",
      breaks: "of HTML with 200 openai and LangChain make a TypeError that says nothing",
      check: async (server) => {
        const answer = await server.post("/no/such/path", {});
        const isJson = typeof valueAt(answer.json, "error") === "object";
        return answer.status === 404 && isJson ? undefined : describeAnswer(answer);
      },
    },
  ],
};
