import { EngineRequestError } from "../../errors.ts";
import { isRecord } from "../../is-record.ts";
import { describePrompt, type DescribePromptEvent } from "../../operations/describe-prompt.ts";
import type { Prompt } from "../../operations/prompt.ts";
import { tokenize, type TokenizeEvent } from "../../operations/tokenize.ts";
import { protocolError } from "./remote-error.ts";
import type { RemoteOperation, RemoteParts } from "./remote-operation.ts";
import { putMessages, toBody, type BodyFields } from "./write-request.ts";

type WrittenPrompt = Exclude<Prompt, { kind: "tokens" }>;

interface Tokens {
  readonly tokenIds: readonly number[];
  readonly spellings: readonly string[];
}

function unknownOperation(parts: RemoteParts, name: string): EngineRequestError {
  const message = `the server (${parts.model.dialect.name}) has no ${name}`;
  return new EngineRequestError({ code: "UNKNOWN_OPERATION", message });
}

async function ask(
  { client, model }: RemoteParts,
  path: string,
  request: { readonly fields: BodyFields; readonly signal: AbortSignal },
): Promise<Readonly<Record<string, unknown>>> {
  const { fields, signal } = request;
  const answer = await client.getJson({ path, body: toBody(fields), signal, dialect: model.dialect });
  if (isRecord(answer)) return answer;
  throw protocolError("an object", typeof answer);
}

function isTokenIds(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((id) => Number.isSafeInteger(id) && id >= 0);
}

/** Uses the API of vLLM and Infernode. */
async function askVllm(
  parts: RemoteParts,
  prompt: WrittenPrompt,
  call: { readonly signal: AbortSignal; readonly isSpelled: boolean },
): Promise<Tokens> {
  const { served, dialect } = parts.model;
  const fields: BodyFields = new Map([["model", JSON.stringify(served.id)]]);
  if (prompt.kind === "chat") {
    putMessages(fields, prompt, dialect);
  } else {
    fields.set("prompt", JSON.stringify(prompt.text));
    fields.set("add_special_tokens", String(prompt.addSpecialTokens ?? true));
  }
  if (call.isSpelled) fields.set("return_token_strs", "true");
  const { tokens, token_strs: spellings } = await ask(parts, "/tokenize", { fields, signal: call.signal });
  if (!isTokenIds(tokens)) throw protocolError("`tokens` of ids", "something else");
  if (!call.isSpelled) return { tokenIds: tokens, spellings: [] };
  const isSpelled = Array.isArray(spellings) && spellings.length === tokens.length;
  if (!isSpelled || !spellings.every((each) => typeof each === "string")) {
    throw protocolError("`token_strs`, one for each token", "something else");
  }
  return { tokenIds: tokens, spellings: spellings };
}

/** Uses the API of llama.cpp. */
async function askLlamaCpp(
  parts: RemoteParts,
  prompt: WrittenPrompt,
  signal: AbortSignal,
): Promise<readonly number[]> {
  let text: unknown = prompt.kind === "text" ? prompt.text : undefined;
  if (prompt.kind === "chat") {
    const fields: BodyFields = new Map();
    putMessages(fields, prompt, parts.model.dialect);
    ({ prompt: text } = await ask(parts, "/apply-template", { fields, signal }));
    if (typeof text !== "string") throw protocolError("`prompt` of text", "something else");
  }
  const addsSpecial = prompt.kind === "chat" || (prompt.addSpecialTokens ?? true);
  const fields: BodyFields = new Map([
    ["content", JSON.stringify(text)],
    ["add_special", String(addsSpecial)],
    ["parse_special", "true"],
  ]);
  const { tokens } = await ask(parts, "/tokenize", { fields, signal });
  if (!isTokenIds(tokens)) throw protocolError("`tokens` of ids", "something else");
  return tokens;
}

/** Tokenizes a prompt. @throws EngineRequestError `UNKNOWN_OPERATION` if the server cannot */
export async function readTokenIds(
  parts: RemoteParts,
  prompt: Prompt,
  signal: AbortSignal,
): Promise<readonly number[]> {
  if (prompt.kind === "tokens") return prompt.tokenIds;
  const { tokenizer } = parts.model.dialect;
  if (tokenizer === "llama.cpp") return askLlamaCpp(parts, prompt, signal);
  if (tokenizer === undefined) throw unknownOperation(parts, tokenize.name);
  return (await askVllm(parts, prompt, { signal, isSpelled: false })).tokenIds;
}

/** Tokenizes a prompt with `/tokenize`. */
export const remoteTokenize: RemoteOperation<Prompt, TokenizeEvent> = {
  name: tokenize.name,
  async *run(parts, prompt, signal) {
    yield { type: "tokens", tokenIds: await readTokenIds(parts, prompt, signal) };
  },
};

async function detokenize(
  parts: RemoteParts,
  tokenIds: readonly number[],
  signal: AbortSignal,
): Promise<string> {
  const fields: BodyFields = new Map([
    ["model", JSON.stringify(parts.model.served.id)],
    ["tokens", JSON.stringify(tokenIds)],
  ]);
  const { prompt } = await ask(parts, "/detokenize", { fields, signal });
  if (typeof prompt === "string") return prompt;
  throw protocolError("`prompt` of text", "something else");
}

/** Tokenizes a prompt with `/tokenize` and decodes it with `/detokenize`. */
export const remoteDescribePrompt: RemoteOperation<Prompt, DescribePromptEvent> = {
  name: describePrompt.name,
  async *run(parts, prompt, signal) {
    if (parts.model.dialect.tokenizer !== "vllm") throw unknownOperation(parts, describePrompt.name);
    if (prompt.kind !== "tokens") {
      const { tokenIds, spellings } = await askVllm(parts, prompt, { signal, isSpelled: true });
      const text = await detokenize(parts, tokenIds, signal);
      yield { type: "description", tokenIds, spellings, text };
      return;
    }
    // The server spells the tokens of texts only: decode, tokenize again and compare.
    const { tokenIds } = prompt;
    const text = await detokenize(parts, tokenIds, signal);
    const written = { kind: "text", text, addSpecialTokens: false } as const;
    const spelled = await askVllm(parts, written, { signal, isSpelled: true });
    if (
      spelled.tokenIds.length !== tokenIds.length ||
      spelled.tokenIds.some((id, at) => id !== tokenIds[at])
    ) {
      const message =
        "`prompt`: expected token ids that their decoded text tokenizes to, as the server spells the tokens of texts only";
      throw new EngineRequestError({ code: "UNSUPPORTED_PARAMETER", message, param: "prompt" });
    }
    yield { type: "description", tokenIds, spellings: spelled.spellings, text };
  },
};
