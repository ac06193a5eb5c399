import { chunksOf, eventsOf, supported, type Answer } from "../shared/answer.ts";
import type { ConformanceArea } from "../shared/conformance-case.ts";
import type { ProbedServer } from "../shared/probed-server.ts";
import { elementsAt, indicesOf, showValue, valueAt } from "../shared/json-values.ts";

const prompt = "Once upon a time";

function ask(server: ProbedServer, fields: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
  const body = { model: server.model, prompt, max_tokens: 16, temperature: 0, ...fields };
  return server.post("/completions", body);
}

const whole = async (server: ProbedServer): Promise<unknown> => supported(await ask(server)).json;
const stream = async (server: ProbedServer): Promise<Answer> =>
  supported(await ask(server, { stream: true }));

/** Continuations of prompts. */
export const completions: ConformanceArea = {
  name: "completions",
  cases: [
    {
      name: "object",
      expected: "an answer has object text_completion, a text, a finish reason and usage",
      breaks: "openai's completions, LangChain's OpenAI",
      check: async (server) => {
        const json = await whole(server);
        const isRight =
          valueAt(json, "object") === "text_completion" &&
          typeof valueAt(json, "choices", 0, "text") === "string" &&
          typeof valueAt(json, "choices", 0, "finish_reason") === "string" &&
          Number(valueAt(json, "usage", "completion_tokens")) > 0;
        return isRight ? undefined : showValue(json);
      },
    },
    {
      name: "stream",
      expected: "the texts of a stream are that of the whole answer, and data: [DONE] ends it",
      breaks: "openai's completions, LangChain's OpenAI",
      check: async (server) => {
        const text = valueAt(await whole(server), "choices", 0, "text");
        const answer = await stream(server);
        const streamed = chunksOf(answer)
          .flatMap((chunk) => elementsAt(chunk, "choices"))
          .map((choice) => valueAt(choice, "text"))
          .join("");
        if (eventsOf(answer).at(-1)?.data !== "[DONE]") return "no data: [DONE]";
        return streamed === text ? undefined : `${showValue(streamed)}, and as a whole ${showValue(text)}`;
      },
    },
    {
      name: "prompts",
      expected: "several prompts have a choice each, with its index",
      breaks: "harnesses that send prompts in batches",
      check: async (server) => {
        const { json } = supported(await ask(server, { prompt: [prompt, "The end"] }));
        const indices = indicesOf(elementsAt(json, "choices"));
        return indices === "0,1" ? undefined : `indices ${indices}`;
      },
    },
    {
      name: "token-ids",
      expected: "a prompt may be an array of token ids",
      breaks: "harnesses that tokenize themselves",
      check: async (server) => {
        await whole(server);
        supported(await ask(server, { prompt: [1, 2, 3] }));
        return undefined;
      },
    },
    {
      name: "echo",
      expected: "with echo, logprobs and max_tokens 0 the prompt is scored",
      breaks: "lm-evaluation-harness and others that compare continuations",
      check: async (server) => {
        const { json } = supported(await ask(server, { echo: true, logprobs: 1, max_tokens: 0 }));
        const logprobs = elementsAt(json, "choices", 0, "logprobs", "token_logprobs");
        const isRight =
          valueAt(json, "choices", 0, "text") === prompt &&
          logprobs.slice(1).every((value) => typeof value === "number") &&
          logprobs.length > 1;
        return isRight ? undefined : showValue(valueAt(json, "choices", 0));
      },
    },
  ],
};
