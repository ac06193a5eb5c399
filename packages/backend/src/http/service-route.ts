import type { FastifyReply, FastifyRequest } from "fastify";
import type { NamedSchema } from "../api/shared/json-schema.ts";

/** One answer of a route, for the OpenAPI document. */
export interface RouteAnswer {
  readonly description: string;
  readonly schema: NamedSchema;
  /** [application/json] */
  readonly mediaType?: string;
}

/** A GET route of the server itself, which belongs to no wire format, and its description. */
export interface ServiceRoute {
  readonly path: string;
  /** The document's `operationId`. */
  readonly id: string;
  readonly summary: string;
  /** Its name among the links of `GET /`. [not there] */
  readonly link?: string;
  /** By status; the errors that every route may answer with are added. */
  readonly answers: Readonly<Record<number, RouteAnswer>>;
  handle(request: FastifyRequest, reply: FastifyReply): Promise<unknown>;
}
