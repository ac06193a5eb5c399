import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ApiRequest, Codec } from "../../api/shared/codec.ts";
import type { WireFormat } from "../../api/shared/wire-format.ts";
import { patternOf } from "../format-finder.ts";
import { leaveOut } from "../ignored-parameters.ts";
import { sendAnswer } from "../send-answer.ts";
import { sendGeneration } from "../send-generation.ts";
import type { ServerParts } from "../server-parts.ts";

/** The parameters of the path: `{ id: "acme/tiny" }`. */
function pathParameters(codec: Codec, request: FastifyRequest): Readonly<Record<string, string>> {
  const { "*": rest, ...named } = request.params as Readonly<Record<string, string>>;
  const last = /\{(\w+)\}$/.exec(codec.path)?.[1];
  return rest === undefined || last === undefined ? named : { ...named, [last]: rest };
}

/** Parameters that were left out, as a header's value. */
const ignoredHeader = "x-infernode-ignored-parameters";

function createHandler(codec: Codec, format: WireFormat, parts: ServerParts) {
  const { api, exchanges, options } = parts;
  const { logger } = options;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const exchange = exchanges.of(request);
    const names =
      options.config.lenient === true ? codec.description.body?.ignorableNames(request.body) : undefined;
    const { body, ignored } = leaveOut(request.body, names ?? [], { logger, requestId: request.id });
    if (ignored.length > 0) void reply.header(ignoredHeader, ignored.join(", "));
    const asked: ApiRequest = {
      body,
      path: pathParameters(codec, request),
      query: request.query as ApiRequest["query"],
    };
    const prepared = "prepare" in codec ? codec.prepare(asked, api) : await codec.follow?.(asked, api);
    if (prepared !== undefined) {
      return sendGeneration(reply, prepared, { exchange, format, config: options.config });
    }
    if ("prepare" in codec) throw new TypeError("expected a generation, got none");
    return sendAnswer(reply, exchange, (signal) => codec.answer(asked, api, signal));
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
