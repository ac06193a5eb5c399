/** Keywords that say nothing about which values match. */
export const annotationKeywords: ReadonlySet<string> = new Set([
  "$schema",
  "$id",
  "$anchor",
  "$comment",
  "$defs",
  "$vocabulary",
  "definitions",
  "title",
  "description",
  "default",
  "deprecated",
  "examples",
  "readOnly",
  "writeOnly",
  // Of editors and generators.
  "markdownDescription",
  "enumDescriptions",
  "markdownEnumDescriptions",
  "enumNames",
  "tsType",
  "tsEnumNames",
  "defaultSnippets",
  "errorMessage",
  "deprecationMessage",
  "doNotSuggest",
  "allowTrailingCommas",
  "allowComments",
  "example",
]);

/** Keywords that are enforced. */
export const enforcedKeywords: ReadonlySet<string> = new Set([
  "$ref",
  "type",
  "enum",
  "const",
  "allOf",
  "anyOf",
  "oneOf",
  "minLength",
  "maxLength",
  "pattern",
  "format",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "items",
  "prefixItems",
  "additionalItems",
  "minItems",
  "maxItems",
  "properties",
  "patternProperties",
  "additionalProperties",
  "propertyNames",
  "required",
  "minProperties",
  "maxProperties",
]);

/** Values with which a keyword that is not enforced says nothing. */
export function isVacuous(keyword: string, value: unknown): boolean {
  switch (keyword) {
    case "uniqueItems":
    case "nullable":
      return value === false;
    case "unevaluatedItems":
    case "unevaluatedProperties":
      return value === true || isEmptyObject(value);
    case "dependentRequired":
    case "dependentSchemas":
    case "dependencies":
      return isEmptyObject(value);
    case "minContains":
    case "maxContains":
    case "then":
    case "else":
      // Without `contains` or `if`, which are refused, they have no meaning.
      return true;
    default:
      // A name of no vocabulary begins with x-; such keywords are annotations.
      return keyword.startsWith("x-");
  }
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
