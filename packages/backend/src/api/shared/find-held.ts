import { describeValue } from "../../text/describe-value.ts";
import { ApiError } from "./api-error.ts";
import type { HeldResponse, HeldResponses } from "./held-responses.ts";

/** Finds a response that is held. @throws ApiError 404 */
export function findHeld(held: HeldResponses, id: string): HeldResponse {
  const found = held.find(id);
  if (found !== undefined) return found;
  const message = `The response ${describeValue(id)} does not exist, or is not held any more`;
  throw new ApiError("response_not_found", message, { param: "response_id" });
}
