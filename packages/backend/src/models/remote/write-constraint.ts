import type { ConstraintSource } from "@infernode/inference/constraint";
import type { Dialect } from "./dialect.ts";

/** The field of a body that constrains an answer, and its value; `undefined` if the server has none for it. */
export function writeConstraint(
  source: ConstraintSource,
  { dialect, isChat }: { readonly dialect: Dialect; readonly isChat: boolean },
): readonly [field: string, value: unknown] | undefined {
  if ("part" in source) return writeConstraint(source.part, { dialect, isChat });
  if (dialect.hasStructuredOutputs) {
    const outputs = toStructuredOutputs(source);
    return outputs && ["structured_outputs", outputs];
  }
  if (!isChat || ("whitespace" in source && source.whitespace === "compact")) return undefined;
  if ("jsonObject" in source) return ["response_format", { type: "json_object" }];
  if (!("jsonSchema" in source)) return undefined;
  const named = { name: "answer", schema: source.jsonSchema, strict: true };
  return ["response_format", { type: "json_schema", json_schema: named }];
}

function toStructuredOutputs(source: ConstraintSource): object | undefined {
  if ("regex" in source) return { regex: source.regex };
  if ("choice" in source) return { choice: source.choice };
  if ("grammar" in source) return { grammar: source.grammar };
  if (!("jsonSchema" in source || "jsonObject" in source || "structuralTag" in source)) return undefined;
  const kind =
    "jsonSchema" in source
      ? { json: source.jsonSchema }
      : "jsonObject" in source
        ? { json_object: true }
        : { structural_tag: JSON.stringify(source.structuralTag) };
  return source.whitespace === "compact" ? { ...kind, disable_any_whitespace: true } : kind;
}
