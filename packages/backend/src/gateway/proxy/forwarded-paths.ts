import type { ErrorFormat, WireFormat, WireFormats } from "../../api/shared/wire-format.ts";
import { patternOf } from "../../http/format-finder.ts";
import { createKnownPaths } from "../../http/known-paths.ts";

/** What is known of a path. */
export interface PathFacts {
  /** For logs and metrics. */
  readonly pattern: string;
  readonly errors: ErrorFormat;
  /** A header that repeats `x-request-id`. */
  readonly requestIdHeader: string | undefined;
  readonly isForwarded: boolean;
}

/** Of one server alone: what it does there is not done on others. */
const ofOneServer = ["/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/v1/system/"];

/** Paths of other servers that name a model in the body, besides all under `/v1/`. */
const ofOthers = new Set(["/rerank", "/score", "/pooling", "/classify"]);

/** Segments by which a backend might leave the path that was checked. */
const dotSegment = /\/(?:\.|%2e){1,2}(?:\/|$)/i;

/** Creates the finder of what is known of paths, by the formats' codecs. */
export function createForwardedPaths(formats: WireFormats): (path: string) => PathFacts {
  const [first] = formats;
  const paths = createKnownPaths();
  const byPattern = new Map<string, WireFormat>();
  for (const format of formats) {
    for (const codec of format.codecs) {
      const pattern = patternOf(codec);
      paths.add(pattern, [codec.method ?? "POST"]);
      byPattern.set(pattern, format);
    }
  }
  return (path) => {
    const pattern = paths.patternOf(path);
    const { errors, requestIdHeader } = byPattern.get(pattern ?? "") ?? first;
    const isUnclear = dotSegment.test(path);
    const isOfOne = ofOneServer.some((each) => path.startsWith(each));
    const isForwarded =
      !isUnclear && !isOfOne && (pattern !== undefined || path.startsWith("/v1/") || ofOthers.has(path));
    return {
      pattern: pattern ?? (isForwarded ? "forwarded" : "unmatched"),
      errors,
      requestIdHeader,
      isForwarded,
    };
  };
}
