import type { TokenDelta } from "./token-delta.ts";
import type { AnswerPart } from "../parsers/answer-part.ts";

/** The parts of a delta. */
export function partsOf({ text, parts }: TokenDelta): readonly AnswerPart[] {
  return parts ?? (text === "" ? [] : [{ type: "content", text }]);
}
