import { firstEvent } from "../../models/first-event.ts";
import { describePrompt } from "../../operations/describe-prompt.ts";
import type { Prompt } from "../../operations/prompt.ts";
import { tokenize as tokenizePrompt } from "../../operations/tokenize.ts";
import { invalidRequest } from "../shared/api-error.ts";
import { assertTemplateBody, toChatPrompt } from "./prompts/chat-prompt.ts";
import { toApiError } from "../shared/to-api-error.ts";
import { parseBody } from "../shared/body/parse-body.ts";
import { detokenizeRules, tokenizeRules, type TokenizeBody } from "./tokenize-schema.ts";
import { defaultModelId, findModel, type ApiContext } from "../shared/api-context.ts";

export interface TokenizeAnswer {
  readonly count: number;
  readonly max_model_len: number | undefined;
  readonly tokens: readonly number[];
  /** As the vocabulary spells them; `null` unless asked for. */
  readonly token_strs: readonly string[] | null;
}

export interface DetokenizeAnswer {
  readonly prompt: string;
}

function toPrompt(body: TokenizeBody): Prompt {
  const { prompt, messages, add_special_tokens: addSpecialTokens } = body;
  if (prompt !== undefined && messages === undefined) {
    assertTemplateBody(body);
    return { kind: "text", text: prompt, ...(addSpecialTokens === undefined ? {} : { addSpecialTokens }) };
  }
  if (messages !== undefined && prompt === undefined) {
    if (addSpecialTokens === true) {
      throw invalidRequest(
        "`add_special_tokens` is not supported with `messages`: the chat template writes them",
        {
          code: "unsupported_parameter",
          param: "add_special_tokens",
        },
      );
    }
    return toChatPrompt(messages, body);
  }
  throw invalidRequest(
    `The request needs either \`prompt\` or \`messages\`; found ${prompt === undefined ? "neither" : "both"}`,
    { code: prompt === undefined ? "missing_required_parameter" : "invalid_value", param: "prompt" },
  );
}

/** Tokenizes a prompt as a generation would: `POST /tokenize`. @throws ApiError 400, 404, 503 */
export async function tokenize(
  input: unknown,
  context: ApiContext,
  signal: AbortSignal,
): Promise<TokenizeAnswer> {
  const body = parseBody(input, tokenizeRules);
  const { service } = context;
  const { id: modelId, contextTokens } = findModel(service, body.model ?? defaultModelId(service));
  const answer = (tokens: readonly number[], spellings: readonly string[] | null): TokenizeAnswer => ({
    count: tokens.length,
    max_model_len: contextTokens,
    tokens,
    token_strs: spellings,
  });
  const prompt = toPrompt(body);
  try {
    if (body.return_token_strs !== true) {
      const { tokenIds } = await firstEvent(service.call(tokenizePrompt, prompt, { modelId, signal }));
      return answer(tokenIds, null);
    }
    const { tokenIds, spellings } = await firstEvent(
      service.call(describePrompt, prompt, { modelId, signal }),
    );
    return answer(tokenIds, spellings);
  } catch (error) {
    signal.throwIfAborted();
    throw toApiError(error, body.messages === undefined ? "prompt" : "messages");
  }
}

/** Makes text of tokens, special ones included: `POST /detokenize`. @throws ApiError 400, 404, 503 */
export async function detokenize(
  input: unknown,
  context: ApiContext,
  signal: AbortSignal,
): Promise<DetokenizeAnswer> {
  const body = parseBody(input, detokenizeRules);
  const { service } = context;
  const model = findModel(service, body.model ?? defaultModelId(service));
  const { id: modelId, vocabSize = Number.POSITIVE_INFINITY } = model;
  const wrongAt = body.tokens.findIndex((tokenId) => tokenId >= vocabSize);
  if (wrongAt >= 0) {
    const param = `tokens[${wrongAt}]`;
    throw invalidRequest(
      `Invalid value for \`${param}\`: expected a token id from 0 to ${vocabSize - 1}; found ${body.tokens[wrongAt]}`,
      { param },
    );
  }
  const prompt = { kind: "tokens", tokenIds: body.tokens } as const;
  const { text } = await firstEvent(service.call(describePrompt, prompt, { modelId, signal }));
  return { prompt: text };
}
