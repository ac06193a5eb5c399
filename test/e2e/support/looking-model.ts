import { makeRecitingModel, type Recital, type RecitingModel } from "./make-reciting-model.ts";

/** The parameters of the tool `look`. */
export const lookParameters = {
  type: "object" as const,
  properties: { place: { type: "string" as const } },
  required: ["place"],
  additionalProperties: false,
};

/**
 * The template of a reciting model: with tools it calls (cue `<|call|>`), after what it saw it answers (`<|after|>`).
 * @param otherwise how the template goes on without tools
 */
export function lookingTemplate(otherwise: string): string {
  return `{%- for m in messages -%}<{{ m.role }}>{{ m.content or "" }}
{%- for call in m.tool_calls or [] -%}{{ call.function.name }} {{ call.function.arguments.place }}{%- endfor -%}
{%- endfor -%}
{#- calls are written as <tool_call> -#}
{%- if messages[-1].role == "tool" -%}<|after|>{%- elif tools -%}{{ tools | tojson }}<|call|>
${otherwise}{%- endif -%}`;
}

/** It looks into the den, and its call is cut into several tokens. */
export const lookRecital: Recital = {
  cue: "<|call|>",
  tokens: ["<tool_call>", '{"name": "lo', 'ok", "arguments": {"pla', 'ce": "den"}}', "</tool_call>"],
};

/** Without tools it thinks aloud, and answers. */
export const thinkRecital: Recital = {
  cue: "<think>",
  tokens: ["Foxes ", "dig.", "</think>", "In a ", "den."],
};

/**
 * Makes a model that looks with tools, answers `A fox sleeps.` after what it saw, and thinks aloud without tools.
 * @param options `isPlainWithSystem`: with a system message and without tools it says `Here.`
 */
export async function makeLookingModel(
  options: { readonly isPlainWithSystem?: boolean } = {},
): Promise<RecitingModel> {
  const { isPlainWithSystem = false } = options;
  const plainly = `{%- elif messages[0].role == "system" -%}<|plain|>\n{%- else -%}<think>`;
  return makeRecitingModel({
    template: lookingTemplate(isPlainWithSystem ? plainly : "{%- else -%}<|plain|><think>"),
    specialTokens: ["<think>", "<tool_call>", "</tool_call>"],
    recitals: [
      lookRecital,
      { cue: "<|after|>", tokens: ["A fox ", "sleeps."] },
      thinkRecital,
      ...(isPlainWithSystem ? [{ cue: "<|plain|>", tokens: ["Her", "e."] }] : []),
    ],
  });
}
