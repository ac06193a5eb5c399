import type { Prompt } from "../engine/engine-client.ts";
import { invalidRequest } from "../openai/api-error.ts";
import { toChatPrompt } from "../openai/chat-prompt.ts";
import { parseBody } from "../openai/parse-body.ts";
import { tokenizeRules, type TokenizeBody } from "../openai/tokenize-schema.ts";
import { findModel, type OperationContext } from "./operation-context.ts";

export interface TokenizeAnswer {
  readonly count: number;
  readonly max_model_len: number;
  readonly tokens: readonly number[];
}

function toPrompt(body: TokenizeBody): Prompt {
  const { prompt, messages, add_special_tokens: addSpecialTokens } = body;
  if (prompt !== undefined && messages === undefined) {
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
export async function tokenize(input: unknown, context: OperationContext): Promise<TokenizeAnswer> {
  const body = parseBody(input, tokenizeRules);
  const model = findModel(context.engine, body.model ?? context.engine.model?.id ?? "");
  const tokens = await context.engine.tokenize(toPrompt(body));
  return { count: tokens.length, max_model_len: model.contextTokens, tokens };
}
