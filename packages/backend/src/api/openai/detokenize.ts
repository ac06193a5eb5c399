import { z } from "zod";
import { firstEvent } from "../../operations/operation.ts";
import { describePrompt } from "../../operations/describe-prompt.ts";
import { describeBody } from "../shared/body/describe-body.ts";
import { arrayField, textField, tokenIdField, type FieldsOf } from "../shared/body/fields.ts";
import { assertTokenIds } from "../shared/body/token-ids.ts";
import { parseBody, type BodyRules } from "../shared/body/parse-body.ts";
import type { AnswerCodec } from "../shared/codec.ts";
import { promptErrors } from "../shared/error-catalog.ts";
import { findModel } from "../shared/find-model.ts";
import { objectSchema, textSchema } from "../shared/json-schema.ts";

interface DetokenizeBody {
  readonly model: string | undefined;
  readonly tokens: readonly number[];
}

const maxTokens = 32_768;

const fields: FieldsOf<DetokenizeBody> = {
  model: textField("The model; may be left out where there is only one.").optional(),
  tokens: arrayField(tokenIdField(), { max: maxTokens, of: "token ids" }).describe("Token ids."),
};

const detokenizeRules: BodyRules<DetokenizeBody> = {
  schema: z.strictObject(fields, { error: "an object" }),
};

/** Decodes tokens to text, special ones included. */
export const detokenizeCodec: AnswerCodec = {
  path: "/detokenize",
  description: {
    id: "detokenize",
    summary: "Decodes tokens to text, special ones included",
    tag: "Service",
    body: describeBody("DetokenizeRequest", detokenizeRules, () => ({ tokens: [1, 2, 3] })),
    answer: { name: "DetokenizeResponse", schema: objectSchema({ prompt: textSchema }) },
    errors: promptErrors,
  },
  async answer({ body: input }, { service }, signal) {
    const { model, tokens } = parseBody(input, detokenizeRules);
    const { id: modelId, vocabSize } = findModel(service, model);
    assertTokenIds(tokens, "tokens", vocabSize);
    const call = service.call(describePrompt, { kind: "tokens", tokenIds: tokens }, { modelId, signal });
    const { text } = await firstEvent(call);
    return { prompt: text };
  },
};
