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

/** The pattern of a codec's path: a parameter at the end may have slashes. */
export function patternOf({ path }: Pick<Codec, "path">): string {
  return path.replace(/\{\w+\}$/, "*");
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
