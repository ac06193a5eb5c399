import type { ConstraintSource } from "@infernode/inference/constraint";
import type { ServedModel } from "../models/model-service.ts";
import type { EnforcedCalls } from "../operations/enforce-calls.ts";
import type { AnswerParts } from "../operations/open-answers.ts";
import { assertTakesTools } from "./chat-model.ts";
import { invalidField } from "./rejections.ts";
import { textParametersOf } from "./text-parameters.ts";

/** A function that the model may call. */
export interface ConversationTool {
  readonly name: string;
  /** For the model. */
  readonly description?: string | undefined;
  /** A JSON Schema of its arguments, for the model. [any object] */
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
  /** Arguments of calls always match `parameters`. [false] */
  readonly isStrict?: boolean | undefined;
  /** What the request calls its fields, for errors. [`tools[0].name`, …] */
  readonly fields?: { readonly name: string; readonly parameters: string; readonly strict: string };
}

/** Which tools may or must be called. */
export interface ToolChoice {
  /** `none` leaves the tools out of the prompt; `required`: every answer has a call. */
  readonly mode: "none" | "auto" | "required";
  /** [all] */
  readonly names?: ReadonlySet<string> | undefined;
  /** Calls at most. [any] */
  readonly maxCalls?: number | undefined;
  /** What the request calls it, for errors. [toolChoice] */
  readonly field?: string | undefined;
}

/** The tools of a conversation. */
export interface ConversationTools {
  readonly tools?: readonly ConversationTool[] | undefined;
  /** [auto] */
  readonly toolChoice?: ToolChoice | undefined;
}

type CallableTool = NonNullable<AnswerParts["tools"]>[number];
type Fields = NonNullable<ConversationTool["fields"]>;

function fieldsOf({ fields }: ConversationTool, at: number): Fields {
  const own = `tools[${at}]`;
  return fields ?? { name: `${own}.name`, parameters: `${own}.parameters`, strict: `${own}.strict` };
}

function assertNames(tools: readonly ConversationTool[]): void {
  const names = new Set<string>();
  for (const [at, tool] of tools.entries()) {
    const { name } = tool;
    if (names.has(name)) {
      throw invalidField(fieldsOf(tool, at).name, "a name of its own for each tool", name);
    }
    names.add(name);
  }
}

/** What the arguments of a tool match where they are enforced: its schema, if it has one, or any object. */
function argumentsSourceOf(schema: ConversationTool["parameters"], field: string): ConstraintSource {
  if (schema === undefined) return { jsonObject: true };
  const { type = "object" } = schema;
  if (type !== "object") throw invalidField(`${field}.type`, '"object"', type);
  return { part: { jsonSchema: { ...schema, type } }, name: field };
}

/** What asks for calls that are enforced. */
function enforcementOf(
  { mode, names, field: param = "toolChoice" }: ToolChoice,
  tools: readonly ConversationTool[],
): EnforcedCalls | undefined {
  if (mode === "required") return { isRequired: true, param };
  if (names !== undefined) return { isRequired: false, param };
  for (const [at, tool] of tools.entries()) {
    if (tool.isStrict === true) return { isRequired: false, param: fieldsOf(tool, at).strict };
  }
  return undefined;
}

/**
 * Which calls answers may have.
 * @throws EngineRequestError `INVALID_REQUEST`, `UNSUPPORTED_PARAMETER`
 */
export function toAnswerParts(
  { tools = [], toolChoice = { mode: "auto" } }: ConversationTools,
  model: Pick<ServedModel, "chat">,
): AnswerParts {
  const { mode, names, maxCalls } = toolChoice;
  assertNames(tools);
  if (mode === "none" || tools.length === 0) return {};
  assertTakesTools(model);
  const enforced = enforcementOf(toolChoice, tools);
  const callable = tools.flatMap((tool, at): CallableTool[] => {
    const { name, parameters, isStrict = false } = tool;
    if (names?.has(name) === false) return [];
    const called = { name, textParameters: textParametersOf(parameters) };
    if (!isStrict && mode !== "required") return [called];
    const { parameters: field } = fieldsOf(tool, at);
    return [{ ...called, argumentsSource: argumentsSourceOf(parameters, field) }];
  });
  return {
    tools: callable,
    ...(maxCalls === undefined ? {} : { maxCalls }),
    ...(enforced === undefined ? {} : { enforced }),
  };
}

/** The JSON text of tools as chat templates read them. */
export function toToolsJson(tools: readonly ConversationTool[]): string {
  return JSON.stringify(
    tools.map(({ name, description, parameters }) => ({
      type: "function",
      function: { name, description, parameters },
    })),
  );
}
