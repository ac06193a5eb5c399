import type { ReasoningFormat } from "../reasoning/reasoning-format.ts";
import { reasoningFormats } from "../reasoning/registry.ts";
import { json } from "../tools/json.ts";
import { toolFormats } from "../tools/registry.ts";
import type { ToolFormat } from "../tools/tool-format.ts";

/** How a model writes its answers. */
export interface AnswerFormat {
  readonly tools: ToolFormat | undefined;
  readonly reasoning: ReasoningFormat | undefined;
}

/** What the formats are chosen by: `auto` looks for marks in the template, `none` for nothing; others are names. */
export interface AnswerFormatOptions {
  /** The model's chat template. */
  readonly template: string | undefined;
  /** [auto] */
  readonly toolParser?: string | undefined;
  /** [auto] */
  readonly reasoningParser?: string | undefined;
}

interface NamedFormat {
  readonly name: string;
  readonly templateMarks: readonly string[];
}

function choose<Format extends NamedFormat>(
  formats: readonly Format[],
  setting: string,
  template: string | undefined,
): Format | undefined {
  if (setting !== "auto") return formats.find(({ name }) => name === setting);
  return formats.find(({ templateMarks }) => templateMarks.some((mark) => template?.includes(mark)));
}

/** Finds the formats of a model. Calls in a format that no mark tells are taken for plain JSON. */
export function findAnswerFormat(options: AnswerFormatOptions): AnswerFormat {
  const { template, toolParser = "auto", reasoningParser = "auto" } = options;
  return {
    tools:
      choose(toolFormats, toolParser, template) ??
      (toolParser === "auto" && template !== undefined ? json : undefined),
    reasoning: choose(reasoningFormats, reasoningParser, template),
  };
}

/** The texts of a format that may be special tokens of a vocabulary. */
export function marksOf({ tools, reasoning }: AnswerFormat): readonly string[] {
  return [...(tools?.marks ?? []), ...(reasoning?.starts ?? []), ...(reasoning?.ends ?? [])];
}
