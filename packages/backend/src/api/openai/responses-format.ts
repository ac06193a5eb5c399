import type { ErrorFormat, WireFormat } from "../shared/wire-format.ts";
import { openAiFormat } from "./openai-format.ts";
import { responsesCodec } from "./responses.ts";
import { ResponseFailure } from "./responses/response-failure.ts";
import { createResponsesSession } from "./session/responses-session.ts";

const errors: ErrorFormat = {
  ...openAiFormat.errors,
  toEvent: (error) => {
    const { code, message, param = null } = error;
    const sequence = error instanceof ResponseFailure ? error.sequenceNumber : 0;
    const data = { type: "error", sequence_number: sequence, code, message, param };
    return { name: "error", data: JSON.stringify(data) };
  },
};

/** OpenAI's wire format of responses: that of its other routes, except for how a stream ends. */
export const openAiResponsesFormat: WireFormat = {
  name: openAiFormat.name,
  codecs: [responsesCodec],
  errors,
  exactFields: openAiFormat.exactFields ?? { texts: [], wideIntegers: [] },
  session: createResponsesSession(responsesCodec.path, { codec: responsesCodec, errors }),
};
