import { accepted, chunksOf, supported } from "../shared/answer.ts";
import { askChat, streamChat } from "../shared/chat-requests.ts";
import type { ConformanceArea } from "../shared/conformance-case.ts";
import type { ProbedServer } from "../shared/probed-server.ts";
import { elementsAt, showValue, valueAt } from "../shared/json-values.ts";

const stream = async (server: ProbedServer): Promise<readonly unknown[]> =>
  chunksOf(supported(await streamChat(server)));

/** The stream with the usage that LangChain and the AI SDK ask for. */
const counted = async (server: ProbedServer): Promise<readonly unknown[]> => {
  await stream(server);
  return chunksOf(accepted(await streamChat(server, { stream_options: { include_usage: true } })));
};

const choicesOf = (chunks: readonly unknown[]): readonly unknown[] =>
  chunks.flatMap((chunk) => elementsAt(chunk, "choices"));

/** The first value that is not as it has to be. */
function findOther(values: readonly unknown[], isRight: (value: unknown) => boolean): string | undefined {
  if (values.length === 0) return "nothing";
  const other = values.findIndex((value) => !isRight(value));
  return other === -1 ? undefined : `${showValue(values[other])} in number ${other}`;
}

/** The text of answers, reasoning included, for models that reason first. */
function textOf(message: unknown): string {
  const reasoning = valueAt(message, "reasoning_content") ?? valueAt(message, "reasoning");
  return [reasoning, valueAt(message, "content")].filter((each) => typeof each === "string").join("");
}

const finishReasons: ReadonlySet<unknown> = new Set(["stop", "length", "tool_calls", "content_filter"]);

/** What the chunks of a chat's stream consist of. */
export const chunks: ConformanceArea = {
  name: "chunks",
  cases: [
    {
      name: "object",
      expected: "every chunk has object chat.completion.chunk, a number created and a model",
      breaks: "none that was measured",
      check: async (server) =>
        findOther(
          await stream(server),
          (chunk) =>
            valueAt(chunk, "object") === "chat.completion.chunk" &&
            typeof valueAt(chunk, "created") === "number" &&
            typeof valueAt(chunk, "model") === "string",
        ),
    },
    {
      name: "id",
      expected: "all chunks have the same id",
      breaks: "none that was measured",
      check: async (server) => {
        const ids = new Set((await stream(server)).map((chunk) => valueAt(chunk, "id")));
        const [id] = ids;
        return ids.size === 1 && typeof id === "string" && id !== "" ? undefined : showValue([...ids]);
      },
    },
    {
      name: "choices",
      expected: "every chunk has an array choices, also the one with the usage",
      breaks:
        "openai's .stream() throws `chunk.choices is not iterable`; the AI SDK has a validation error after the text",
      check: async (server) =>
        findOther(await counted(server), (chunk) => Array.isArray(valueAt(chunk, "choices"))),
    },
    {
      name: "role",
      expected: "the first chunk has the role assistant",
      breaks: "openai's .stream() throws `missing role`; LangChain loses the usage",
      check: async (server) => {
        const role = valueAt(choicesOf(await stream(server))[0], "delta", "role");
        return role === "assistant" ? undefined : showValue(role);
      },
    },
    {
      name: "index",
      expected: "every choice has an integer index",
      breaks: "openai's .stream() throws; @ai-sdk/openai has a validation error and no text",
      check: async (server) =>
        findOther(choicesOf(await stream(server)), (choice) => Number.isInteger(valueAt(choice, "index"))),
    },
    {
      name: "delta",
      expected: "every choice has an object delta, also the one with the finish reason",
      breaks: "LangChain loses the finish reason",
      check: async (server) =>
        findOther(choicesOf(await stream(server)), (choice) => {
          const delta = valueAt(choice, "delta");
          return typeof delta === "object" && delta !== null;
        }),
    },
    {
      name: "finish-reason",
      expected: "the last choice has the finish reason stop, length, tool_calls or content_filter",
      breaks: "without one openai's .stream() throws and the AI SDK ends with an error or the reason `other`",
      check: async (server) => {
        const reason = valueAt(choicesOf(await stream(server)).at(-1), "finish_reason");
        return finishReasons.has(reason) ? undefined : showValue(reason);
      },
    },
    {
      name: "one-finish-reason",
      expected: "choices before the last have no finish reason",
      breaks: "agents that stop at the first reason lose the rest",
      check: async (server) => {
        const early = choicesOf(await stream(server)).slice(0, -1);
        const reasons = early.map((choice) => valueAt(choice, "finish_reason") ?? null);
        return reasons.every((reason) => reason === null) ? undefined : showValue(reasons);
      },
    },
    {
      name: "usage",
      expected: "with stream_options.include_usage a chunk has the counts of tokens",
      breaks: "LangChain and the AI SDK count 0 tokens",
      check: async (server) => {
        const usages = (await counted(server)).map((chunk) => valueAt(chunk, "usage") ?? null);
        const usage = usages.findLast((each) => each !== null);
        const [prompt, answer, total] = ["prompt_tokens", "completion_tokens", "total_tokens"].map((name) =>
          Number(valueAt(usage, name)),
        );
        const isSum = prompt !== undefined && answer !== undefined && prompt + answer === total;
        return isSum && prompt > 0 && answer > 0 ? undefined : showValue(usage);
      },
    },
    {
      name: "usage-last",
      expected: "the chunk with the usage comes after the one with the finish reason and has no choices",
      breaks: "none that was measured: all take the usage from where it is",
      check: async (server) => {
        const last = (await counted(server)).at(-1);
        const isLast = elementsAt(last, "choices").length === 0 && valueAt(last, "usage") !== undefined;
        return isLast ? undefined : showValue(last);
      },
    },
    {
      name: "unasked-usage",
      expected: "without stream_options no chunk without choices is sent",
      breaks: "clients of their own making read choices[0] of every chunk",
      check: async (server) => {
        const bare = (await stream(server)).find((chunk) => elementsAt(chunk, "choices").length === 0);
        return bare === undefined ? undefined : showValue(bare);
      },
    },
    {
      name: "same-text",
      expected: "a greedy stream has the text of the same answer as a whole",
      breaks: "none: the stream itself is wrong",
      check: async (server) => {
        const whole = textOf(valueAt(supported(await askChat(server)).json, "choices", 0, "message"));
        const deltas = choicesOf(await stream(server)).map((choice) => valueAt(choice, "delta"));
        const streamed = deltas.map(textOf).join("");
        return streamed.trim() === whole.trim()
          ? undefined
          : `${showValue(streamed)}, and as a whole ${showValue(whole)}`;
      },
    },
  ],
};
