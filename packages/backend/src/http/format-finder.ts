import type { FastifyRequest } from "fastify";
import type { Codec } from "../api/shared/codec.ts";
import type { WireFormat, WireFormats } from "../api/shared/wire-format.ts";
import type { KnownPaths } from "./known-paths.ts";

/** Finds the wire format of a request. */
export interface FormatFinder {
  /** Of paths that belong to no format, and of connections without a request. */
  readonly default: WireFormat;
  of(request: Pick<FastifyRequest, "url" | "routeOptions">): WireFormat;
}

/** The pattern of a codec's path, as the router has it. */
export function patternOf({ path, mayHaveSlashes }: Pick<Codec, "path" | "mayHaveSlashes">): string {
  const own = mayHaveSlashes === true ? path.replace(/\{\w+\}$/, "*") : path;
  return own.replaceAll(/\{(\w+)\}/g, ":$1");
}

/** Creates the finder of one server. */
export function createFormatFinder(formats: WireFormats, paths: KnownPaths): FormatFinder {
  const [first] = formats;
  const byPattern = new Map(
    formats.flatMap((format) => format.codecs.map((codec) => [patternOf(codec), format] as const)),
  );
  return {
    default: first,
    // A request with a wrong method has no route.
    of: ({ url, routeOptions }) => byPattern.get(routeOptions.url ?? paths.patternOf(url) ?? "") ?? first,
  };
}
