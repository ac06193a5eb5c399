import type { FastifyInstance } from "fastify";
import { openAiCodecs } from "../../api/openai/openai-format.ts";
import { sendAnswer } from "../send-answer.ts";
import { sendGeneration } from "../send-generation.ts";
import type { ServerParts } from "../server-parts.ts";

/** Adds a route for each codec. */
export function addApiRoutes(app: FastifyInstance, { api, exchanges, options }: ServerParts): void {
  const { config, codecs = openAiCodecs } = options;
  for (const codec of codecs) {
    app.post(codec.path, async (request, reply) => {
      const exchange = exchanges.of(request);
      if ("prepare" in codec) {
        return sendGeneration(reply, codec.prepare(request.body, api), { exchange, config });
      }
      return sendAnswer(reply, exchange, (signal) => codec.answer(request.body, api, signal));
    });
  }
}
