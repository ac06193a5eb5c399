import type { ApiError } from "../shared/api-error.ts";
import { errorCodes } from "../shared/error-catalog.ts";
import { objectSchema, textOrNullSchema, textSchema, type JsonMap } from "../shared/json-schema.ts";
import type { WireFormat } from "../shared/wire-format.ts";
import { loadAdapterCodec, unloadAdapterCodec } from "./adapters.ts";
import { chatCodec } from "./chat.ts";
import { completionCodec } from "./completions.ts";
import { detokenizeCodec } from "./detokenize.ts";
import { listModelsCodec, retrieveModelCodec } from "./models.ts";
import { tokenizeCodec } from "./tokenize.ts";

const errorTypes = ["invalid_request_error", "rate_limit_error", "server_error"] as const;

function errorType(status: number): (typeof errorTypes)[number] {
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

function toErrorBody({ message, status, param, code }: ApiError): JsonMap {
  return { error: { message, type: errorType(status), param: param ?? null, code } };
}

/** OpenAI's wire format, and that of vLLM where OpenAI has none. */
export const openAiFormat: WireFormat = {
  name: "OpenAI",
  codecs: [
    chatCodec,
    completionCodec,
    listModelsCodec,
    retrieveModelCodec,
    tokenizeCodec,
    detokenizeCodec,
    loadAdapterCodec,
    unloadAdapterCodec,
  ],
  errors: {
    toBody: toErrorBody,
    toEvent: (error) => JSON.stringify(toErrorBody(error)),
    schema: {
      name: "Error",
      schema: objectSchema({
        error: objectSchema({
          message: textSchema,
          type: { enum: errorTypes },
          param: { ...textOrNullSchema, description: "The field of the request that is at fault." },
          code: { enum: errorCodes },
        }),
      }),
    },
    schemaOf: (codes) => ({ properties: { error: { properties: { code: { enum: codes } } } } }),
  },
  streamEnd: "[DONE]",
  exactFields: { texts: ["chat_template_kwargs"], arrayTexts: ["tools"], wideIntegers: ["seed"] },
};
