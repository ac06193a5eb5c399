import type { ConstraintSource } from "@infernode/inference/constraint";
import { isRecord } from "../../is-record.ts";
import type { ServedModel } from "../../models/model-service.ts";
import { ApiError, invalidValue } from "./api-error.ts";
import type { JsonMap } from "./json-schema.ts";

/** @throws ApiError 400 if the model cannot be given messages */
export function assertTakesMessages({ hasChatTemplate }: Pick<ServedModel, "hasChatTemplate">): void {
  if (hasChatTemplate !== false) return;
  throw new ApiError("chat_template_missing", "The model has no chat template; use /v1/completions", {
    param: "messages",
  });
}

function unsupported(message: string): ApiError {
  return new ApiError(
    "unsupported_parameter",
    `Unsupported parameter: \`tools\` is not supported: ${message}`,
    {
      param: "tools",
    },
  );
}

/** @throws ApiError 400 if the model cannot be given tools; what a remote server has is not known */
export function assertTakesTools({ chat }: Pick<ServedModel, "chat">): void {
  if (chat === undefined) return;
  if (!chat.readsTools) throw unsupported("the model's chat template does not show tools");
  if (chat.toolParser === undefined) {
    throw unsupported("how the model writes calls is not known; see the setting model.toolParser");
  }
}

/** The properties of a JSON Schema that are strings. */
export function textParametersOf(schema: JsonMap | undefined): readonly string[] {
  const properties = schema?.["properties"];
  if (!isRecord(properties)) return [];
  return Object.entries(properties).flatMap(([name, property]) => {
    const type = isRecord(property) ? property["type"] : undefined;
    const types: readonly unknown[] = Array.isArray(type) ? type : [type];
    return types.includes("string") && types.every((each) => each === "string" || each === "null")
      ? [name]
      : [];
  });
}

/**
 * What the arguments of a tool match where they are enforced: its schema, if it has one, or any object.
 * @param field the schema's in the request
 * @throws ApiError 400
 */
export function argumentsSourceOf(schema: JsonMap | undefined, field: string): ConstraintSource {
  if (schema === undefined) return { jsonObject: true };
  const { type = "object" } = schema;
  if (type !== "object") throw invalidValue(`${field}.type`, '"object"', { got: type });
  return { part: { jsonSchema: { ...schema, type } }, name: field };
}
