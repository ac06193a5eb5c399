import { chunksOf, supported, type Answer } from "../shared/answer.ts";
import { askChat, streamChat } from "../shared/chat-requests.ts";
import { CaseEnd, type ConformanceArea } from "../shared/conformance-case.ts";
import type { ProbedServer } from "../shared/probed-server.ts";
import { elementsAt, indicesOf, showValue, valueAt } from "../shared/json-values.ts";

const contentOf = ({ json }: Answer): unknown => valueAt(json, "choices", 0, "message", "content");

/** The text of a greedy answer. @throws CaseEnd `skipped` if there is not enough of it */
async function greedyText(server: ProbedServer): Promise<string> {
  const content = contentOf(supported(await askChat(server)));
  if (typeof content === "string" && content.trim().length >= 6) return content;
  throw new CaseEnd("skipped", `the answer is too short to be cut: ${showValue(content)}`);
}

const random = { temperature: 1, seed: 7 };

/** Whether the parameters of OpenAI's API do what they say. */
export const parameters: ConformanceArea = {
  name: "parameters",
  cases: [
    {
      name: "unknown",
      expected: "a parameter that there is not is refused with 400",
      breaks: "none; but a parameter with a wrong letter has no effect, and nobody says so",
      check: async (server) => {
        supported(await askChat(server));
        const { status } = await askChat(server, { temprature: 0 });
        return status === 400 ? undefined : `${status}`;
      },
    },
    {
      name: "n",
      expected: "with n there are n choices with indices of their own, whole and in streams",
      breaks: "clients that ask for several answers get one",
      check: async (server) => {
        const { json } = supported(await askChat(server, { n: 2, temperature: 1 }));
        const whole = indicesOf(elementsAt(json, "choices"));
        if (whole !== "0,1") return `indices ${whole}`;
        const chunks = chunksOf(supported(await streamChat(server, { n: 2, temperature: 1 })));
        const streamed = indicesOf(chunks.flatMap((chunk) => elementsAt(chunk, "choices")));
        return streamed === "0,1" ? undefined : `indices ${streamed} in a stream`;
      },
    },
    {
      name: "logprobs",
      expected: "with logprobs every token has a log-probability, its bytes and the best other tokens",
      breaks: "harnesses and classifiers that read them",
      check: async (server) => {
        const { json } = supported(await askChat(server, { logprobs: true, top_logprobs: 2 }));
        const tokens = elementsAt(json, "choices", 0, "logprobs", "content");
        const other = tokens.find(
          (token) =>
            typeof valueAt(token, "token") !== "string" ||
            !(Number(valueAt(token, "logprob")) <= 0) ||
            elementsAt(token, "top_logprobs").length !== 2,
        );
        if (tokens.length === 0) return showValue(valueAt(json, "choices", 0, "logprobs"));
        return other === undefined ? undefined : showValue(other);
      },
    },
    {
      name: "seed",
      expected: "the same seed gives the same answer",
      breaks: "tests of applications that rely on it",
      check: async (server) => {
        const first = contentOf(supported(await askChat(server, random)));
        const second = contentOf(supported(await askChat(server, random, { isFresh: true })));
        return first === second ? undefined : `${showValue(first)}, then ${showValue(second)}`;
      },
    },
    {
      name: "stop",
      expected: "an answer ends before a stop text with the finish reason stop",
      breaks: "agents of the ReAct kind read on in what the model invents",
      check: async (server) => {
        const text = await greedyText(server);
        const stop = text.trimEnd().slice(-3);
        const { json } = supported(await askChat(server, { stop: [stop] }));
        const content = valueAt(json, "choices", 0, "message", "content");
        const reason = valueAt(json, "choices", 0, "finish_reason");
        const isRight = reason === "stop" && content === text.slice(0, text.indexOf(stop));
        return isRight
          ? undefined
          : `${showValue(content)} with ${showValue(reason)}, for the stop text ${showValue(stop)}`;
      },
    },
  ],
};
