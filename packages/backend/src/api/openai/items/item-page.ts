import { z } from "zod";
import type { ItemList } from "../../../store/item-store.ts";
import { invalidValue } from "../../shared/api-error.ts";
import { parseBody, type BodyRules } from "../../shared/body/parse-body.ts";
import type { ApiRequest, QueryParameter, Storage } from "../../shared/codec.ts";
import { arraySchema, objectSchema, textOrNullSchema, type NamedSchema } from "../../shared/json-schema.ts";
import { itemObjectSchema } from "./item-schemas.ts";

const defaultLimit = 20;
const maxLimit = 100;
/** A page with less items than its limit says that there are more. */
const maxPageCharacters = 8 * 2 ** 20;

/** Which page of a list is asked for. */
interface PageParameters {
  readonly after: string | undefined;
  readonly limit: number | undefined;
  readonly order: "asc" | "desc" | undefined;
  readonly include: readonly string[] | undefined;
}

const limitForm = `an integer from 1 to ${maxLimit}`;
const includeForm = '"reasoning.encrypted_content", which has no effect; others are not supported';
const includeName = z.literal("reasoning.encrypted_content", { error: includeForm });

/** How `include` is checked: reasoning is in items as it is. */
export const includeField: z.ZodType<readonly string[]> = z.preprocess(
  (value) => (typeof value === "string" ? [value] : value),
  z.array(includeName, { error: includeForm }).max(16, { error: includeForm }),
);

const rules: BodyRules<PageParameters> = {
  schema: z.strictObject(
    {
      after: z.string({ error: "the id of an item" }).optional(),
      limit: z
        .string({ error: limitForm })
        .regex(/^\d{1,4}$/, { error: limitForm })
        .transform(Number)
        .pipe(z.int().min(1, { error: limitForm }).max(maxLimit, { error: limitForm }))
        .optional(),
      order: z.enum(["asc", "desc"], { error: '"asc" or "desc"' }).optional(),
      include: includeField.optional(),
    },
    { error: "an object" },
  ),
};

/** Those of a list of items. */
export const pageParameters: readonly QueryParameter[] = [
  { name: "after", schema: { type: "string", description: "The item that the page follows." } },
  { name: "limit", schema: { type: "integer", minimum: 1, maximum: maxLimit, default: defaultLimit } },
  { name: "order", schema: { enum: ["asc", "desc"], default: "desc" } },
  { name: "include", schema: { type: "array", items: { const: "reasoning.encrypted_content" } } },
];

/** Names of lists are sent with or without brackets: `include[]`. */
export function readQuery<Query>(query: ApiRequest["query"], queryRules: BodyRules<Query>): Query {
  const named = Object.entries(query).map(([name, value]) => [name.replace(/\[\d*\]$/, ""), value] as const);
  return parseBody(Object.fromEntries(named), queryRules);
}

/** Answers a page of a record's items. @throws ApiError 400; what the store throws */
export async function readItemPage(
  { store }: Storage,
  { recordId, list }: { readonly recordId: string; readonly list: ItemList },
  query: ApiRequest["query"],
): Promise<object> {
  const { after, limit = defaultLimit, order = "desc" } = readQuery(query, rules);
  const page = await store.page({ recordId, list, after, limit, order, maxCharacters: maxPageCharacters });
  if (page === undefined) throw invalidValue("after", "the id of an item of this list", { got: after });
  return {
    object: "list",
    data: page.items.map(({ text }) => JSON.parse(text) as unknown),
    first_id: page.items[0]?.id ?? null,
    last_id: page.items.at(-1)?.id ?? null,
    has_more: page.hasMore,
  };
}

/** A page of items. */
export const itemPageSchema: NamedSchema = {
  name: "ItemList",
  schema: objectSchema({
    object: { const: "list" },
    data: arraySchema(itemObjectSchema),
    first_id: textOrNullSchema,
    last_id: textOrNullSchema,
    has_more: { type: "boolean" },
  }),
};
