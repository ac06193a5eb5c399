import { isRecord } from "../../is-record.ts";
import { hashPrefixes } from "../../text/prompt-prefix.ts";
import { findMembers, type MemberRange } from "./find-members.ts";

/** What a body says about its route. */
export interface BodyRoute {
  readonly model: string | undefined;
  /** Where the body names it; `undefined`: nowhere. */
  readonly modelRange: MemberRange | undefined;
  readonly promptCharacters: number;
  readonly prefixes: readonly number[];
  readonly conversation: string | undefined;
  /** The id of a response or a conversation that the request continues. */
  readonly continues: string | undefined;
}

/** In the order in which chat templates write them. */
const promptFields = ["tools", "system", "instructions", "messages", "prompt", "input"];
const names = new Set<string>([
  "model",
  "previous_response_id",
  "conversation",
  "prompt_cache_key",
  ...promptFields,
]);

/** Longer names and ids are not looked at. */
const maxValueBytes = 4096;

/** Of a request without a body. */
export const withoutBody: BodyRoute = {
  model: undefined,
  modelRange: undefined,
  promptCharacters: 0,
  prefixes: [],
  conversation: undefined,
  continues: undefined,
};

/** Reads of a body what a route needs, without parsing the rest. A body that is not JSON says nothing. */
export function readBodyRoute(body: Buffer | undefined): BodyRoute {
  const members = body && findMembers(body, names);
  if (body === undefined || members === undefined) return withoutBody;
  const valueOf = (name: string): unknown => {
    const range = members.get(name);
    if (range === undefined || range.end - range.start > maxValueBytes) return undefined;
    try {
      return JSON.parse(body.toString("utf8", range.start, range.end));
    } catch {
      return undefined;
    }
  };
  const textOf = (value: unknown): string | undefined =>
    typeof value === "string" && value !== "" ? value : undefined;
  const model = textOf(valueOf("model"));
  const conversation = valueOf("conversation");
  const continues =
    textOf(valueOf("previous_response_id")) ??
    textOf(isRecord(conversation) ? conversation["id"] : conversation);
  const prompt = promptFields.flatMap((name) => {
    const range = members.get(name);
    return range === undefined ? [] : [body.subarray(range.start, range.end)];
  });
  return {
    model,
    modelRange: members.get("model"),
    promptCharacters: prompt.reduce((sum, { length }) => sum + length, 0),
    prefixes: hashPrefixes(prompt),
    conversation: continues ?? textOf(valueOf("prompt_cache_key")),
    continues,
  };
}
