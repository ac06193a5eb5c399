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

/** What a string holds: annotations since draft 2019-09. */
export const contentKeywords: ReadonlySet<string> = new Set([
  "contentEncoding",
  "contentMediaType",
  "contentSchema",
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
  "not",
  "if",
  "then",
  "else",
  "dependentRequired",
  "dependentSchemas",
  "dependencies",
  "contains",
  "minContains",
  "maxContains",
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
  "uniqueItems",
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
    case "nullable":
      return value === false;
    case "unevaluatedItems":
    case "unevaluatedProperties":
      return value === true || isEmptyObject(value);
    default:
      // A name of no vocabulary begins with x-; such keywords are annotations.
      return keyword.startsWith("x-");
  }
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
