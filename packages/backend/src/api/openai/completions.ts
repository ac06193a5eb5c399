import { requestLimits } from "@infernode/inference/limits";
import { z } from "zod";
import { firstEvent } from "../../operations/operation.ts";
import type { CallOptions, ModelService, ServedModel } from "../../models/model-service.ts";
import { describePrompt } from "../../operations/describe-prompt.ts";
import type { GenerateInput } from "../../operations/generate.ts";
import type { Prompt, PromptDescription } from "../../operations/prompt.ts";
import { invalidValue } from "../shared/api-error.ts";
import { describeBody } from "../shared/body/describe-body.ts";
import { flagField, integerField, tokenIdFormat, type FieldsOf } from "../shared/body/fields.ts";
import { parseBody, type BodyRules } from "../shared/body/parse-body.ts";
import type { ApiContext, ApiRequest, GenerationCodec } from "../shared/codec.ts";
import { promptErrors } from "../shared/error-catalog.ts";
import { findModel } from "../shared/find-model.ts";
import type { PreparedGeneration } from "../shared/generation.ts";
import type { AdmissionRequest } from "../../conversation/open-generation.ts";
import { withPromptLogprobs } from "./answers/prompt-logprobs.ts";
import { withTokenIds } from "./answers/token-ids.ts";
import { prepareAnswer, type AnswerPlan, type ChoiceWriter } from "./answers/answer-writer.ts";
import {
  completionAnswerSchema,
  completionChunkSchema,
  createCompletionWriter,
  noEcho,
  type Echo,
} from "./answers/completion-answer.ts";
import { toEngineParams } from "./parameters/engine-params.ts";
import { samplingFields, streamCondition, type SamplingBody } from "./parameters/sampling-fields.ts";
import { unsupportedCompletionParameters } from "./parameters/unsupported-parameters.ts";
import { parsePrompts, promptForms } from "./prompts/parse-prompts.ts";

/** The body of `POST /v1/completions`. */
interface CompletionBody extends SamplingBody {
  /** As it was sent; see `parsePrompts`. */
  readonly prompt: unknown;
  readonly logprobs: number | undefined;
  readonly echo: boolean | undefined;
  readonly add_special_tokens: boolean | undefined;
}

const maxPrompts = 128;
/** OpenAI's default for this route. */
const defaultMaxTokens = 16;

const tokenIds = {
  type: "array",
  items: { type: "integer", minimum: 0, format: tokenIdFormat },
  minItems: 1,
};

const fields: FieldsOf<CompletionBody> = {
  prompt: z
    .unknown()
    .refine((prompt) => prompt !== undefined, { error: promptForms })
    .meta({
      description:
        "The text that is continued: a string, several strings, token ids, or several arrays of token ids.",
      anyOf: [
        { type: "string" },
        { type: "array", items: { type: "string" }, minItems: 1, maxItems: maxPrompts },
        tokenIds,
        { type: "array", items: tokenIds, minItems: 1, maxItems: maxPrompts },
      ],
    }),
  ...samplingFields,
  max_tokens: integerField(
    { min: 0 },
    "Longest answer, in tokens; 0 only with `echo`, for the prompt alone. Default 16.",
  ).optional(),
  logprobs: integerField(
    { min: 0, max: requestLimits.maxLogprobs },
    "Reports the log-probability of each token and of this many alternatives; with `echo` those of the prompt too.",
  ).optional(),
  echo: flagField("Puts the prompt before the answer. Default false.").optional(),
  add_special_tokens: flagField(
    "Lets the tokenizer add its special tokens to the prompt. Default true.",
  ).optional(),
};

const completionRules: BodyRules<CompletionBody> = {
  schema: z.strictObject(fields, { error: "an object" }),
  unsupported: unsupportedCompletionParameters,
  conditions: [
    streamCondition,
    {
      anyOf: [
        { properties: { max_tokens: { not: { const: 0 } } } },
        { properties: { echo: { const: true } }, required: ["echo"] },
      ],
    },
  ],
};

interface CompletionPlan {
  readonly id: string;
  readonly n: number;
  readonly admissions: readonly AdmissionRequest[];
}

function plan(body: CompletionBody, model: ServedModel, context: ApiContext): CompletionPlan {
  const { logprobs, echo: hasEcho = false, max_tokens: maxTokens } = body;
  if (maxTokens === 0 && !hasEcho) {
    throw invalidValue("max_tokens", "an integer of at least 1 without `echo`", { got: maxTokens });
  }
  if (hasEcho && body.truncate_prompt_tokens !== undefined) {
    throw invalidValue("truncate_prompt_tokens", "nothing with `echo`", { got: body.truncate_prompt_tokens });
  }
  const isTruncated = body.truncate_prompt_tokens !== undefined;
  const { vocabSize, contextTokens = Number.POSITIVE_INFINITY } = model;
  const prompts = parsePrompts(body.prompt, {
    vocabSize,
    contextTokens,
    maxPromptTokens: isTruncated ? Number.POSITIVE_INFINITY : contextTokens - (maxTokens === 0 ? 0 : 1),
    maxPrompts: context.maxChoices,
    addSpecialTokens: body.add_special_tokens,
  });
  const promptCount = prompts.length;
  const { params, isMaxTokensDefault } = toEngineParams(body, {
    model,
    maxChoices: context.maxChoices,
    promptCount,
    defaultMaxTokens,
  });
  const id = `cmpl-${context.ids()}`;
  const echoLogprobs = hasEcho ? (logprobs ?? (maxTokens === 0 ? 0 : undefined)) : undefined;
  const promptLogprobs = largestOf(echoLogprobs, body.prompt_logprobs);
  const admissions = prompts.map((prompt, index) => {
    const request: GenerateInput = {
      id: promptCount === 1 ? id : `${id}-${index}`,
      prompt,
      ...params,
      ...(logprobs === undefined ? {} : { logprobs }),
      ...(promptLogprobs === undefined ? {} : { promptLogprobs }),
    };
    return { request, isMaxTokensDefault };
  });
  return { id, n: params.n, admissions };
}

/** The larger count, if there is one. */
function largestOf(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}

function createWriter(body: CompletionBody, echoes: readonly Echo[], n: number): ChoiceWriter {
  const { echo: hasEcho = false, logprobs, prompt_logprobs: count } = body;
  const plain = createCompletionWriter(echoes, { n, hasLogprobs: logprobs !== undefined });
  const writer =
    body.return_token_ids === true ? withTokenIds(plain, { n, promptTokenIds: "choices" }) : plain;
  if (count === undefined) return writer;
  const echoCount = hasEcho ? logprobs : undefined;
  return withPromptLogprobs(writer, { n, count, echoCount, place: "choices" });
}

interface EchoedAdmission {
  readonly admission: AdmissionRequest;
  readonly echo: Echo;
}

/** Finds the text that an answer begins with. A prompt that had to be tokenized for that is sent as tokens. */
async function resolveEcho(
  admission: AdmissionRequest,
  service: ModelService,
  options: CallOptions,
): Promise<EchoedAdmission> {
  const { request } = admission;
  const { prompt, logprobs } = request;
  if (prompt.kind === "text" && logprobs === undefined) {
    return { admission, echo: { text: prompt.text, firstToken: "" } };
  }
  const describe = async (each: Prompt): Promise<PromptDescription> =>
    firstEvent(service.call(describePrompt, each, options));
  const { tokenIds, text } = await describe(prompt);
  const first = await describe({ kind: "tokens", tokenIds: tokenIds.slice(0, 1) });
  return {
    admission: { ...admission, request: { ...request, prompt: { kind: "tokens", tokenIds } } },
    echo: { text: prompt.kind === "text" ? prompt.text : text, firstToken: first.text },
  };
}

function prepare({ body: input }: ApiRequest, context: ApiContext): PreparedGeneration {
  const body = parseBody(input, completionRules);
  const model = findModel(context.service, body.model);
  const { id, n, admissions: planned } = plan(body, model, context);
  const resolve: AnswerPlan["resolve"] = async (signal) => {
    const options = { modelId: model.id, signal };
    const resolved = await Promise.all(
      planned.map(async (admission) =>
        body.echo === true ? resolveEcho(admission, context.service, options) : { admission, echo: noEcho },
      ),
    );
    const echoes = resolved.map(({ echo }) => echo);
    return {
      admissions: resolved.map(({ admission }) => admission),
      writer: createWriter(body, echoes, n),
    };
  };
  return prepareAnswer({ id, body, model, promptParam: "prompt", resolve }, context);
}

/** Continues one or more prompts. */
export const completionCodec: GenerationCodec = {
  path: "/v1/completions",
  description: {
    id: "createCompletion",
    summary: "Continues a text",
    link: "completions",
    body: describeBody("CompletionRequest", completionRules, ({ id: model }) => ({
      model,
      prompt: "Once upon a time",
      max_tokens: 64,
    })),
    answer: completionAnswerSchema,
    chunk: completionChunkSchema,
    errors: promptErrors,
  },
  prepare,
};
