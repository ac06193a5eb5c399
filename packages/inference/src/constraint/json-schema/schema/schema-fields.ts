import { ConstraintError, type ConstraintErrorCode } from "../../program/constraint-error.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "./json-value.ts";
import { annotationKeywords, contentKeywords, enforcedKeywords, isVacuous } from "./keywords.ts";
import { describe, type SchemaDocument, type SchemaNode } from "./schema-document.ts";

/** Reads the keywords of one schema, with errors that name them. */
export class SchemaFields {
  readonly node: SchemaNode;
  readonly schema: JsonObject;

  constructor(node: SchemaNode) {
    this.node = node;
    this.schema = node.schema;
  }

  /** @throws ConstraintError `UNSUPPORTED_CONSTRAINT` for a keyword that is not enforced */
  assertEnforced({ budget, ignoresSiblings }: SchemaDocument): void {
    for (const [keyword, value] of Object.entries(this.schema)) {
      budget.spend(1);
      // Draft 4 has `id` for `$id`.
      if (keyword === "id" && ignoresSiblings && typeof value === "string") continue;
      // Since 2019-09 what a string holds is not validated.
      if (contentKeywords.has(keyword) && !ignoresSiblings) continue;
      if (annotationKeywords.has(keyword) || enforcedKeywords.has(keyword) || isVacuous(keyword, value)) {
        continue;
      }
      this.refuse("UNSUPPORTED_CONSTRAINT", keyword, {
        expected: "a keyword that can be enforced",
        got: keyword,
      });
    }
  }

  has(keyword: string): boolean {
    return Object.hasOwn(this.schema, keyword);
  }

  get(keyword: string): JsonValue | undefined {
    return this.has(keyword) ? this.schema[keyword] : undefined;
  }

  /** A count; a fraction of zero, such as 2.0, is the same number in JSON. */
  count(keyword: string, absent: number): number {
    const value = this.get(keyword);
    if (value === undefined) return absent;
    if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
    return this.invalid(keyword, "an integer that is not negative");
  }

  number(keyword: string): number | undefined {
    const value = this.get(keyword);
    if (value === undefined || typeof value === "number") return value;
    return this.invalid(keyword, "a number");
  }

  text(keyword: string): string | undefined {
    const value = this.get(keyword);
    if (value === undefined || typeof value === "string") return value;
    return this.invalid(keyword, "a string");
  }

  texts(keyword: string): readonly string[] {
    const value = this.get(keyword) ?? [];
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    return this.invalid(keyword, "an array of strings");
  }

  list(keyword: string): readonly JsonValue[] | undefined {
    const value = this.get(keyword);
    if (value === undefined) return undefined;
    return Array.isArray(value) ? (value as readonly JsonValue[]) : this.invalid(keyword, "an array");
  }

  entries(keyword: string): readonly (readonly [string, JsonValue])[] {
    const value = this.get(keyword);
    if (value === undefined) return [];
    return isJsonObject(value) ? Object.entries<JsonValue>(value) : this.invalid(keyword, "an object");
  }

  pathOf(keyword: string): string {
    return `${this.node.path}/${keyword}`;
  }

  invalid(keyword: string, expected: string): never {
    return this.refuse("INVALID_CONSTRAINT", keyword, { expected, got: describe(this.get(keyword)) });
  }

  unsupported(keyword: string, expected: string, got?: string): never {
    return this.refuse("UNSUPPORTED_CONSTRAINT", keyword, {
      expected,
      got: got ?? describe(this.get(keyword)),
    });
  }

  refuse(
    code: ConstraintErrorCode,
    keyword: string,
    { expected, got }: { readonly expected: string; readonly got: string },
  ): never {
    throw new ConstraintError(code, { path: this.node.path, keyword, expected, got });
  }
}
