import { headFields, type AnswerHead } from "./answer-head.ts";
import type { Usage } from "./usage.ts";

/** Writes the chunks of one stream. What they have in common is made into JSON once. */
export interface ChunkWriter {
  /** @param choice JSON text of the only choice @param usage so far; only where the client asked for it */
  chunk(choice: string, usage?: Usage): string;
  /** The last one: no choices. */
  usage(usage: Usage): string;
}

/** Creates a writer; with `hasUsage`, chunks without usage say `null` as OpenAI's do. */
export function createChunkWriter(
  head: AnswerHead,
  options: { readonly object: string; readonly hasUsage: boolean },
): ChunkWriter {
  const prefix = `${JSON.stringify(headFields(head, options.object)).slice(0, -1)},"choices":[`;
  const suffix = options.hasUsage ? `],"usage":null}` : "]}";
  const withUsage = (usage: Usage): string => `],"usage":${JSON.stringify(usage)}}`;
  return {
    chunk: (choice, usage) => prefix + choice + (usage === undefined ? suffix : withUsage(usage)),
    usage: (usage) => prefix + withUsage(usage),
  };
}
