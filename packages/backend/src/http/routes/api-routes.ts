import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Codec } from "../../api/shared/codec.ts";
import type { WireFormat } from "../../api/shared/wire-format.ts";
import { patternOf } from "../format-finder.ts";
import { sendAnswer } from "../send-answer.ts";
import { sendGeneration } from "../send-generation.ts";
import type { ServerParts } from "../server-parts.ts";

/** The parameter at the end of the path: `{ id: "acme/tiny" }`. */
function pathParameters(codec: Codec, request: FastifyRequest): object {
  const name = /\{(\w+)\}$/.exec(codec.path)?.[1];
  const { "*": value } = request.params as { readonly "*"?: string };
  return name === undefined ? {} : { [name]: value };
}

function createHandler(codec: Codec, format: WireFormat, parts: ServerParts) {
  const { api, exchanges, options } = parts;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const exchange = exchanges.of(request);
    if ("prepare" in codec) {
      const prepared = codec.prepare(request.body, api);
      return sendGeneration(reply, prepared, { exchange, format, config: options.config });
    }
    const input = codec.method === "GET" ? pathParameters(codec, request) : request.body;
    return sendAnswer(reply, exchange, (signal) => codec.answer(input, api, signal));
  };
}

/** Adds a route for each codec of each wire format. */
export function addApiRoutes(app: FastifyInstance, parts: ServerParts): void {
  for (const format of parts.options.formats) {
    for (const codec of format.codecs) {
      const handler = createHandler(codec, format, parts);
      app.route({ method: codec.method ?? "POST", url: patternOf(codec), handler });
    }
  }
}
