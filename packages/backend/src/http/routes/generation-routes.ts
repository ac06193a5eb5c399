import type { FastifyInstance } from "fastify";
import { prepareChat } from "../../api/openai/chat.ts";
import { prepareCompletion } from "../../api/openai/completions.ts";
import { detokenize, tokenize } from "../../api/openai/tokenize.ts";
import { sendAnswer } from "../send-answer.ts";
import { sendGeneration } from "../send-generation.ts";
import type { ServerParts } from "../server-parts.ts";

/** Adds what makes text: chat completions, completions, tokenize, detokenize. */
export function addGenerationRoutes(app: FastifyInstance, parts: ServerParts): void {
  const { api, exchanges, options } = parts;
  for (const [path, prepare] of [
    ["/v1/chat/completions", prepareChat],
    ["/v1/completions", prepareCompletion],
  ] as const) {
    app.post(path, async (request, reply) =>
      sendGeneration(reply, prepare(request.body, api), {
        exchange: exchanges.of(request),
        config: options.config,
      }),
    );
  }
  for (const [url, answer] of [
    ["/tokenize", tokenize],
    ["/detokenize", detokenize],
  ] as const) {
    app.post(url, async (request, reply) =>
      sendAnswer(reply, exchanges.of(request), (signal) => answer(request.body, api, signal)),
    );
  }
}
