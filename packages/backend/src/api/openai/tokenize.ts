import { z } from "zod";
import { toChatPrompt } from "../../conversation/conversation.ts";
import { firstEvent } from "../../operations/operation.ts";
import type { ServedModel } from "../../models/model-service.ts";
import { describePrompt } from "../../operations/describe-prompt.ts";
import type { Prompt } from "../../operations/prompt.ts";
import { tokenize as tokenizePrompt } from "../../operations/tokenize.ts";
import { ApiError, invalidValue } from "../shared/api-error.ts";
import { describeBody } from "../shared/body/describe-body.ts";
import { flagField, textField, type FieldsOf } from "../shared/body/fields.ts";
import { parseBody, type BodyRules } from "../shared/body/parse-body.ts";
import type { AnswerCodec } from "../shared/codec.ts";
import { messageErrors } from "../shared/error-catalog.ts";
import { findModel } from "../shared/find-model.ts";
import { arraySchema, integerSchema, objectSchema, orNullSchema, textSchema } from "../shared/json-schema.ts";
import { toApiError } from "../shared/to-api-error.ts";
import {
  assertTemplateBody,
  templateCondition,
  templateFields,
  toTemplateParts,
  type TemplateBody,
} from "./prompts/chat-prompt.ts";
import { toConversationTools } from "./prompts/chat-tools.ts";
import { messagesField, type Message } from "./prompts/messages-schema.ts";
import { readToolsText, toolsField, type Tool } from "./prompts/tools-field.ts";

/** The body: a prompt or messages. */
interface TokenizeBody extends TemplateBody {
  readonly model: string | undefined;
  readonly prompt: string | undefined;
  readonly add_special_tokens: boolean | undefined;
  readonly messages: readonly Message[] | undefined;
  readonly tools: readonly Tool[] | undefined;
  readonly return_token_strs: boolean | undefined;
}

const fields: FieldsOf<TokenizeBody> = {
  model: textField("The model; may be left out where there is only one.").optional(),
  prompt: textField("A text.").optional(),
  add_special_tokens: flagField(
    "Lets the tokenizer add its special tokens to the prompt. Default true.",
  ).optional(),
  messages: messagesField.optional(),
  tools: toolsField.optional(),
  return_token_strs: flagField("Reports each token as the vocabulary spells it. Default false.").optional(),
  ...templateFields,
};

const tokenizeRules: BodyRules<TokenizeBody> = {
  schema: z.strictObject(fields, { error: "an object" }),
  conditions: [
    templateCondition,
    {
      oneOf: [
        {
          properties: { prompt: { type: "string" }, messages: { type: "null" }, tools: { type: "null" } },
          required: ["prompt"],
        },
        {
          properties: {
            messages: { type: "array" },
            prompt: { type: "null" },
            add_special_tokens: { enum: [false, null] },
          },
          required: ["messages"],
        },
      ],
    },
  ],
};

function toPrompt(body: TokenizeBody, toolsJson: string | undefined, model: ServedModel): Prompt {
  const { prompt, messages, tools, add_special_tokens: addSpecialTokens } = body;
  if (prompt !== undefined && messages === undefined) {
    assertTemplateBody(body);
    if (tools !== undefined) throw invalidValue("tools", "nothing without `messages`", { got: tools });
    return { kind: "text", text: prompt, ...(addSpecialTokens === undefined ? {} : { addSpecialTokens }) };
  }
  if (messages !== undefined && prompt === undefined) {
    if (addSpecialTokens === true) {
      throw new ApiError(
        "unsupported_parameter",
        "Unsupported parameter: `add_special_tokens` is not supported with `messages`: the chat template adds them",
        { param: "add_special_tokens" },
      );
    }
    const conversation = { ...toTemplateParts(messages, body), ...toConversationTools({ tools }), toolsJson };
    return toChatPrompt(conversation, model).prompt;
  }
  const got = prompt === undefined ? "neither" : "both";
  throw new ApiError(
    prompt === undefined ? "missing_required_parameter" : "invalid_value",
    `Invalid request body: expected either \`prompt\` or \`messages\`, got ${got}`,
    { param: "prompt" },
  );
}

/** Tokenizes a prompt as a generation would. */
export const tokenizeCodec: AnswerCodec = {
  path: "/tokenize",
  description: {
    id: "tokenize",
    summary: "Tokenizes a prompt as a generation would",
    tag: "Service",
    body: describeBody("TokenizeRequest", tokenizeRules, () => ({ prompt: "Once upon a time" })),
    answer: {
      name: "TokenizeResponse",
      schema: objectSchema(
        {
          count: integerSchema,
          max_model_len: integerSchema,
          tokens: arraySchema(integerSchema),
          token_strs: orNullSchema(arraySchema(textSchema)),
        },
        ["count", "tokens", "token_strs"],
      ),
    },
    errors: messageErrors,
  },
  async answer({ body: input }, { service }, signal) {
    const { body: given, toolsJson } = readToolsText(input);
    const body = parseBody(given, tokenizeRules);
    const model = findModel(service, body.model);
    const { id: modelId, contextTokens } = model;
    const prompt = toPrompt(body, toolsJson, model);
    const answer = (tokens: readonly number[], spellings: readonly string[] | null): object => ({
      count: tokens.length,
      max_model_len: contextTokens,
      tokens,
      token_strs: spellings,
    });
    try {
      if (body.return_token_strs !== true) {
        const { tokenIds } = await firstEvent(service.call(tokenizePrompt, prompt, { modelId, signal }));
        return answer(tokenIds, null);
      }
      const call = service.call(describePrompt, prompt, { modelId, signal });
      const { tokenIds, spellings } = await firstEvent(call);
      return answer(tokenIds, spellings);
    } catch (error) {
      signal.throwIfAborted();
      throw toApiError(error, { prompt: body.messages === undefined ? "prompt" : "messages" });
    }
  },
};
