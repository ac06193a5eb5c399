import { accepted, supported, type Answer } from "../shared/answer.ts";
import { askChat, question, streamChat } from "../shared/chat-requests.ts";
import type { ConformanceArea, ConformanceCase } from "../shared/conformance-case.ts";
import type { ProbedServer } from "../shared/probed-server.ts";
import { valueAt } from "../shared/json-values.ts";

/** The plain chat first: a server without chats supports none of the others. */
async function alsoAccepts(server: ProbedServer, answer: Promise<Answer>): Promise<undefined> {
  supported(await askChat(server));
  accepted(await answer);
}

/** A request that clients send and that has to be answered. */
function sent(
  about: Pick<ConformanceCase, "name" | "expected" | "breaks">,
  fields: Readonly<Record<string, unknown>>,
): ConformanceCase {
  return { ...about, check: (server) => alsoAccepts(server, askChat(server, fields)) };
}

const stainless = {
  accept: "application/json",
  "user-agent": "OpenAI/JS 6.49.0",
  "x-stainless-lang": "js",
  "x-stainless-package-version": "6.49.0",
  "x-stainless-retry-count": "0",
};

/** What clients send, which a server must not refuse. */
export const requests: ConformanceArea = {
  name: "requests",
  cases: [
    {
      name: "headers",
      expected: "a stream is answered whatever Accept says, beside headers of the client's own",
      breaks: "openai and LangChain send application/json and x-stainless-*, the AI SDK */*",
      check: (server) => alsoAccepts(server, streamChat(server, {}, { headers: stainless })),
    },
    {
      name: "any-key",
      expected: "a server without keys accepts any",
      breaks: "every client: they all send a key",
      check: async (server) => {
        const { apiKey } = server;
        if (apiKey !== undefined) return undefined;
        const { status } = await askChat(server);
        return status === 401 || status === 403 ? `${status}` : undefined;
      },
    },
    sent(
      {
        name: "parts",
        expected: "a content may be an array of text parts",
        breaks: "@openai/agents, LangChain and the AI SDK send parts",
      },
      { messages: [{ role: "user", content: [{ type: "text", text: question.content }] }] },
    ),
    sent(
      {
        name: "developer",
        expected: "the role developer is accepted as system is",
        breaks: "@ai-sdk/openai sends it for models that reason, and so do openai's examples",
      },
      { messages: [{ role: "developer", content: "Be brief." }, question] },
    ),
    sent(
      {
        name: "max-completion-tokens",
        expected: "max_completion_tokens is accepted in place of max_tokens",
        breaks: "LangChain and @ai-sdk/openai send it for newer models",
      },
      { max_tokens: undefined, max_completion_tokens: 4 },
    ),
    sent(
      {
        name: "no-effect",
        expected: "user, metadata and store: false are accepted, as they change nothing",
        breaks: "clients that send them to every server",
      },
      { user: "someone", metadata: { run: "1" }, store: false },
    ),
    sent(
      {
        name: "null",
        expected: "parameters that are null count as absent",
        breaks: "clients that write every field of a request",
      },
      { stop: null, seed: null, logit_bias: null, tools: null, tool_choice: null, response_format: null },
    ),
    {
      name: "sent-back",
      expected: "the message of an answer may be sent back as it came",
      breaks: "agents: their second request fails",
      check: async (server) => {
        const message = valueAt(supported(await askChat(server)).json, "choices", 0, "message");
        accepted(await askChat(server, { messages: [question, message, question] }));
        return undefined;
      },
    },
    sent(
      {
        name: "copied-fields",
        expected: "text parts of the assistant may repeat fields of their message",
        breaks: "@openai/agents sends them over chat completions, from the second run on",
      },
      {
        messages: [
          question,
          { role: "assistant", content: [{ type: "text", text: "In a den.", role: "assistant" }] },
          question,
        ],
      },
    ),
  ],
};
