import type { ErrorFormat, WireFormat } from "../shared/wire-format.ts";
import { openAiFormat } from "./openai-format.ts";
import { conversationItemCodecs } from "./conversation-items.ts";
import { conversationCodecs } from "./conversations.ts";
import { countInputTokensCodec } from "./input-tokens.ts";
import { responsesCodec } from "./responses.ts";
import {
  cancelResponseCodec,
  deleteResponseCodec,
  listInputItemsCodec,
  retrieveResponseCodec,
} from "./stored-responses.ts";
import { toErrorEvent } from "./responses/error-event.ts";
import { createResponsesSession } from "./session/responses-session.ts";

const errors: ErrorFormat = { ...openAiFormat.errors, toEvent: toErrorEvent };

/** OpenAI's wire format of responses: that of its other routes, except for how a stream ends. */
export const openAiResponsesFormat: WireFormat = {
  name: openAiFormat.name,
  codecs: [
    responsesCodec,
    retrieveResponseCodec,
    deleteResponseCodec,
    cancelResponseCodec,
    listInputItemsCodec,
    countInputTokensCodec,
    ...conversationCodecs,
    ...conversationItemCodecs,
  ],
  errors,
  exactFields: openAiFormat.exactFields ?? { texts: [], wideIntegers: [] },
  session: createResponsesSession(responsesCodec.path, { codec: responsesCodec, errors }),
};
