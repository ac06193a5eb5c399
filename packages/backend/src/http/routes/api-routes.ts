import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { ApiRequest, Codec } from "../../api/shared/codec.ts";
import type { WireFormat } from "../../api/shared/wire-format.ts";
import { patternOf } from "../format-finder.ts";
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
const plainName = /^[\w.-]{1,64}$/;

/** Leaves out parameters that a lenient server ignores; says so in a header and in the log. */
function leaveOut(
  codec: Codec,
  { request, reply, logger }: { request: FastifyRequest; reply: FastifyReply; logger: Logger },
): unknown {
  const names = codec.description.body?.ignorableNames(request.body) ?? [];
  if (names.length === 0) return request.body;
  // A name may be any text, and there may be many.
  const shown = names.slice(0, 32).map((name) => (plainName.test(name) ? name : "[not a name]"));
  const ignored = names.length > shown.length ? [...shown, "..."] : shown;
  void reply.header(ignoredHeader, ignored.join(", "));
  logger.warn({ requestId: request.id, ignoredParameters: ignored }, "parameters were ignored");
  const left = new Set(names);
  return Object.fromEntries(Object.entries(request.body as object).filter(([name]) => !left.has(name)));
}

function createHandler(codec: Codec, format: WireFormat, parts: ServerParts) {
  const { api, exchanges, options } = parts;
  const { logger } = options;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const exchange = exchanges.of(request);
    const body = options.config.lenient === true ? leaveOut(codec, { request, reply, logger }) : request.body;
    const asked: ApiRequest = {
      body,
      path: pathParameters(codec, request),
      query: request.query as ApiRequest["query"],
    };
    if ("prepare" in codec) {
      const prepared = codec.prepare(asked, api);
      return sendGeneration(reply, prepared, { exchange, format, config: options.config });
    }
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
