import { z } from "zod";
import {
  arrayField,
  flagField,
  integerField,
  nullIsAbsent,
  objectField,
  textField,
  type FieldsOf,
} from "../../shared/body/fields.ts";
import type { BodyRules } from "../../shared/body/parse-body.ts";
import { efforts, type ReasoningEffort } from "../../../conversation/reasoning.ts";
import type { JsonMap } from "../../shared/json-schema.ts";
import { samplingFields, type SamplingBody } from "../parameters/sampling-fields.ts";
import { schemaField } from "../parameters/structured-output.ts";
import { templateFields, type TemplateBody } from "../prompts/chat-prompt.ts";
import { reasoningFields, type ReasoningBody } from "../prompts/reasoning.ts";
import { inputField } from "../items/input-items.ts";
import {
  conversationField,
  metadataField,
  previousField,
  requestConditions,
  type Metadata,
} from "../items/request-fields.ts";
import type { RequestBody } from "../items/request-items.ts";
import {
  responseToolChoiceField,
  responseToolsField,
  type ResponseTool,
  type ResponseToolChoice,
} from "./response-tools.ts";
import { unsupportedResponsesParameters } from "./unsupported-parameters.ts";

/** What the text of an answer is. */
export type TextFormat =
  | { readonly type: "text" }
  | { readonly type: "json_object" }
  | {
      readonly type: "json_schema";
      readonly name: string;
      readonly schema: JsonMap;
      readonly description?: string | undefined;
      readonly strict?: boolean | undefined;
    };

interface TextBody {
  readonly format?: TextFormat | undefined;
  readonly verbosity?: "medium" | undefined;
}

interface ReasoningOptions {
  readonly effort?: ReasoningEffort | undefined;
  readonly summary?: "auto" | undefined;
}

type SharedName =
  | "model"
  | "temperature"
  | "top_p"
  | "top_k"
  | "min_p"
  | "seed"
  | "stream"
  | "user"
  | "safety_identifier"
  | "prompt_cache_key"
  | "service_tier";

/** The body of `POST /v1/responses`. */
export interface ResponsesBody
  extends
    RequestBody,
    Pick<SamplingBody, SharedName>,
    Pick<TemplateBody, "chat_template_kwargs">,
    Pick<ReasoningBody, "thinking_token_budget"> {
  readonly store: boolean | undefined;
  readonly background: boolean | undefined;
  readonly metadata: Metadata | undefined;
  readonly instructions: string | undefined;
  readonly max_output_tokens: number | undefined;
  readonly stream_options: { readonly include_obfuscation?: false | undefined } | undefined;
  readonly tools: readonly ResponseTool[] | undefined;
  readonly tool_choice: ResponseToolChoice | undefined;
  readonly parallel_tool_calls: boolean | undefined;
  readonly text: TextBody | undefined;
  readonly reasoning: ReasoningOptions | undefined;
  readonly include: readonly "reasoning.encrypted_content"[] | undefined;
  readonly truncation: "disabled" | undefined;
}

const textFormat = nullIsAbsent(
  z.discriminatedUnion(
    "type",
    [
      z.strictObject({ type: z.literal("text") }),
      z.strictObject({ type: z.literal("json_object") }),
      z.strictObject({
        type: z.literal("json_schema"),
        name: textField("Has no effect."),
        schema: schemaField,
        description: textField("Has no effect.").optional(),
        strict: flagField("Has no effect: a schema is always enforced.").optional(),
      }),
    ],
    { error: '"text", "json_object" or "json_schema"' },
  ),
) as z.ZodType<TextFormat>;

const fields: FieldsOf<ResponsesBody> = {
  model: samplingFields.model,
  input: inputField.optional(),
  previous_response_id: previousField.optional(),
  conversation: conversationField.optional(),
  instructions: textField("A system message before the input.").optional(),
  max_output_tokens: integerField(
    { min: 1 },
    "Longest answer, in tokens, with its reasoning. Default: the checkpoint's, else the rest of the context.",
  ).optional(),
  temperature: samplingFields.temperature,
  top_p: samplingFields.top_p,
  top_k: samplingFields.top_k,
  min_p: samplingFields.min_p,
  seed: samplingFields.seed,
  stream: samplingFields.stream,
  stream_options: objectField<NonNullable<ResponsesBody["stream_options"]>>({
    include_obfuscation: z.literal(false, { error: "false: obfuscation is not supported" }).optional(),
  }).optional(),
  tools: responseToolsField.optional(),
  tool_choice: responseToolChoiceField.optional(),
  parallel_tool_calls: flagField(
    "Takes more calls than the first one of an answer. Default true.",
  ).optional(),
  text: objectField<TextBody>({
    format: textFormat
      .describe("What the text is: text, any JSON object, or JSON of a schema, enforced token by token.")
      .optional(),
    verbosity: z.literal("medium", { error: '"medium", as models have no levels of it' }).optional(),
  }).optional(),
  reasoning: objectField<ReasoningOptions>({
    effort: z
      .enum(efforts, { error: `one of ${efforts.join(", ")}` })
      .describe("How much the model reasons, where its chat template has levels; `none` turns reasoning off.")
      .optional(),
    summary: z
      .literal("auto", { error: '"auto", as reasoning is not summarized' })
      .describe("Has no effect: reasoning is in the answer as it is.")
      .optional(),
  }).optional(),
  include: arrayField(
    z.literal("reasoning.encrypted_content", {
      error: '"reasoning.encrypted_content"; others are not supported',
    }),
    { max: 16, of: "names" },
  )
    .describe("Has no effect: reasoning is in the answer as it is.")
    .optional(),
  chat_template_kwargs: templateFields.chat_template_kwargs,
  thinking_token_budget: reasoningFields.thinking_token_budget,
  user: samplingFields.user,
  safety_identifier: samplingFields.safety_identifier,
  prompt_cache_key: samplingFields.prompt_cache_key,
  metadata: metadataField.optional(),
  background: flagField(
    "Generates the response whether or not its client waits for it; it is answered once it is queued. Default false.",
  ).optional(),
  store: flagField(
    "Whether the response can be retrieved and continued. Default true, where the server stores them.",
  ).optional(),
  service_tier: samplingFields.service_tier,
  truncation: z
    .literal("disabled", { error: '"disabled": input that is too long is rejected' })
    .describe("Input that is too long is rejected.")
    .optional(),
};

/** How a body is checked. */
export const responsesRules: BodyRules<ResponsesBody> = {
  schema: z.strictObject(fields, { error: "an object" }),
  unsupported: unsupportedResponsesParameters,
  conditions: requestConditions,
};
