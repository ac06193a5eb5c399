import { isRecord } from "../../is-record.ts";
import type { ServedModel } from "../../models/model-service.ts";
import { ApiError } from "./api-error.ts";
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
