import { z } from "zod";
import { isRecord } from "../../../is-record.ts";
import { ApiError, invalidValue } from "../../shared/api-error.ts";
import { integerField, textField } from "../../shared/body/fields.ts";
import { parseBody, type BodyRules } from "../../shared/body/parse-body.ts";

/** Asks for a response: the body of `POST /v1/responses`, and a lane. */
export interface CreateEvent {
  readonly type: "response.create";
  readonly laneId: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Asks for the events of a response that is held. */
export interface ResumeEvent {
  readonly type: "response.resume";
  readonly laneId: string | undefined;
  readonly responseId: string;
  /** Id of the last event that the client has; -1 for none. */
  readonly afterId: number;
}

/** Ends a response. */
export interface CancelEvent {
  readonly type: "response.cancel";
  readonly responseId: string;
}

/** What a client may send. */
export type ClientEvent = CreateEvent | ResumeEvent | CancelEvent;

interface ResumeBody {
  readonly type: "response.resume";
  readonly response_id: string;
  readonly starting_after: number | undefined;
  readonly stream_id: string | undefined;
}

interface CancelBody {
  readonly type: "response.cancel";
  readonly response_id: string;
}

const maxLaneChars = 128;

const responseId = textField("The id of the response.");
const laneId = z
  .string()
  .min(1)
  .max(maxLaneChars, { error: `a text of 1 to ${maxLaneChars} characters` })
  .optional();

const resumeRules: BodyRules<ResumeBody> = {
  schema: z.strictObject({
    type: z.literal("response.resume"),
    response_id: responseId,
    starting_after: integerField(
      { min: 0 },
      "The sequence_number of the last event that is known.",
    ).optional(),
    stream_id: laneId,
  }),
};

const cancelRules: BodyRules<CancelBody> = {
  schema: z.strictObject({ type: z.literal("response.cancel"), response_id: responseId }),
};

const known = '"response.create", "response.resume" or "response.cancel"';

/** The lane of a message, as far as it can be told: errors are sent in it. */
export function laneOf(message: unknown): string | undefined {
  const id = isRecord(message) ? message["stream_id"] : undefined;
  return typeof id === "string" && id.length <= maxLaneChars ? id : undefined;
}

function readCreate(message: Readonly<Record<string, unknown>>): CreateEvent {
  const { type: _type, stream_id: given, generate, ...body } = message;
  const lane = laneId.safeParse(given ?? undefined);
  if (!lane.success) {
    throw invalidValue("stream_id", `a text of 1 to ${maxLaneChars} characters`, { got: given });
  }
  if (body["stream"] === false) {
    throw invalidValue("stream", "true or nothing, as a session always streams", { got: false });
  }
  if (body["background"] === true) {
    const message =
      "Unsupported parameter: `background` is not supported in a session; use POST /v1/responses";
    throw new ApiError("unsupported_parameter", message, { param: "background" });
  }
  if (generate !== undefined && generate !== null && generate !== true) {
    const message =
      "Unsupported parameter: `generate` is not supported, except true: nothing is prepared in advance";
    throw new ApiError("unsupported_parameter", message, { param: "generate" });
  }
  return { type: "response.create", laneId: lane.data, body: { ...body, stream: true } };
}

/** Reads a message of a client. @throws ApiError 400 */
export function readClientEvent(message: unknown): ClientEvent {
  if (!isRecord(message)) {
    throw invalidValue("type", `a message with a type: ${known}`, { got: message });
  }
  switch (message["type"]) {
    case "response.create":
      return readCreate(message);
    case "response.resume": {
      const body = parseBody(message, resumeRules);
      return {
        type: "response.resume",
        laneId: body.stream_id,
        responseId: body.response_id,
        afterId: body.starting_after ?? -1,
      };
    }
    case "response.cancel":
      return { type: "response.cancel", responseId: parseBody(message, cancelRules).response_id };
    case "response.steer": {
      const text =
        "Unsupported message: `response.steer` is not supported; cancel the response and create another";
      throw new ApiError("unsupported_parameter", text, { param: "type" });
    }
    case undefined: {
      const text = `Missing required parameter: expected \`type\` to be ${known}, got nothing`;
      throw new ApiError("missing_required_parameter", text, { param: "type" });
    }
    default:
      throw invalidValue("type", known, { got: message["type"] });
  }
}
