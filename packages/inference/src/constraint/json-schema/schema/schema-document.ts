import type { Budget } from "../../program/budget.ts";
import { ConstraintError } from "../../program/constraint-error.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "./json-value.ts";

/** A schema within a document; there is one node for each. */
export interface SchemaNode {
  readonly id: number;
  readonly schema: JsonObject;
  /** A JSON pointer from the document's root. */
  readonly path: string;
  /** Its values are those that do not match all of these; the schema itself says nothing then. */
  readonly negates?: Conjunction | undefined;
}

/** Schemas that a value must all match. None of them: any value. */
export type Conjunction = readonly SchemaNode[];

/** A schema that nothing matches. */
export const neverNode: SchemaNode = { id: -1, schema: {}, path: "#" };

const rootBase = "schema://root/";
/** Keywords whose values are data, not schemas. */
const dataKeywords: ReadonlySet<string> = new Set(["const", "enum", "default", "examples"]);

/** The schemas of one document, by reference. */
export class SchemaDocument {
  readonly budget: Budget;
  /** Before 2019-09 everything beside `$ref` is ignored. */
  readonly ignoresSiblings: boolean;
  readonly #nodes = new Map<JsonObject, SchemaNode>();
  readonly #negations = new Map<string, SchemaNode>();
  readonly #bases = new Map<JsonObject, string>();
  readonly #paths = new Map<JsonObject, string>();
  readonly #byUri = new Map<string, JsonValue>();

  constructor(root: JsonValue, budget: Budget) {
    this.budget = budget;
    this.ignoresSiblings = isJsonObject(root) && isOldDraft(root["$schema"]);
    this.#byUri.set(rootBase, root);
    this.#index(root);
  }

  /** The conjunction of one schema. @throws ConstraintError if it is none */
  conjunctionOf(schema: JsonValue | undefined, path: string): Conjunction {
    if (schema === true) return [];
    if (schema === false) return [neverNode];
    if (!isJsonObject(schema)) {
      throw new ConstraintError("INVALID_CONSTRAINT", { path, expected: "a schema", got: describe(schema) });
    }
    let node = this.#nodes.get(schema);
    if (node === undefined) {
      node = { id: this.#nodes.size, schema, path: this.#paths.get(schema) ?? path };
      this.#nodes.set(schema, node);
    }
    return [node];
  }

  /** What does not match all of some schemas. @param key of the conjunction */
  negationOf(negates: Conjunction, key: string): Conjunction {
    const [first] = negates;
    if (first === undefined) return [neverNode];
    if (negates.includes(neverNode)) return [];
    let node = this.#negations.get(key);
    if (node === undefined) {
      const schema = {};
      node = { id: this.#nodes.size, schema, path: first.path, negates };
      this.#nodes.set(schema, node);
      this.#negations.set(key, node);
    }
    return [node];
  }

  /** The one schema of a value. */
  constantOf(value: JsonValue, path: string): Conjunction {
    return this.conjunctionOf({ const: value }, path);
  }

  /** The schema that a node's `$ref` names. @throws ConstraintError if it is not in the document */
  resolve(node: SchemaNode): Conjunction {
    const reference = node.schema["$ref"];
    if (typeof reference !== "string") return this.#unresolved(node, "a string", describe(reference));
    const base = this.#bases.get(node.schema) ?? rootBase;
    const uri = resolveUri(reference, base);
    const [resource = "", fragment = ""] = uri.split("#", 2);
    const direct = this.#byUri.get(uri) ?? (fragment === "" ? this.#byUri.get(resource) : undefined);
    const found = direct ?? this.#follow(this.#byUri.get(resource), fragment);
    if (found === undefined) {
      return this.#unresolved(node, "a reference within this schema", JSON.stringify(reference));
    }
    return this.conjunctionOf(found, `${node.path}/$ref`);
  }

  #unresolved(node: SchemaNode, expected: string, got: string): never {
    throw new ConstraintError("INVALID_CONSTRAINT", { path: node.path, keyword: "$ref", expected, got });
  }

  #follow(root: JsonValue | undefined, pointer: string): JsonValue | undefined {
    let at = root;
    if (root === undefined || !pointer.startsWith("/")) return undefined;
    for (const part of pointer.slice(1).split("/")) {
      const name = decodePart(part);
      if (Array.isArray(at)) at = (at as readonly JsonValue[])[Number(name)];
      else at = isJsonObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
    }
    return at;
  }

  /** Records the address of every schema. */
  #index(root: JsonValue): void {
    const pending: { value: JsonValue; path: string; base: string }[] = [
      { value: root, path: "#", base: rootBase },
    ];
    for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
      const { value, path } = entry;
      this.budget.spend(1);
      if (Array.isArray(value)) {
        for (const [index, item] of (value as readonly JsonValue[]).entries()) {
          pending.push({ value: item, path: `${path}/${index}`, base: entry.base });
        }
      } else if (isJsonObject(value)) {
        const base = this.#identify(value, entry.base);
        this.#bases.set(value, base);
        this.#paths.set(value, path);
        for (const [name, item] of Object.entries(value)) {
          if (typeof item !== "object" || item === null || dataKeywords.has(name)) continue;
          pending.push({ value: item, path: `${path}/${encodePart(name)}`, base });
        }
      }
    }
  }

  /** Registers a schema by its `$id` and `$anchor`, and gives the base of the references in it. */
  #identify(schema: JsonObject, outer: string): string {
    let base = outer;
    const id = schema["$id"] ?? (this.ignoresSiblings ? schema["id"] : undefined);
    const isIgnored = this.ignoresSiblings && typeof schema["$ref"] === "string";
    if (typeof id === "string" && !isIgnored) {
      const uri = resolveUri(id, outer);
      this.#byUri.set(uri, schema);
      if (!id.startsWith("#")) {
        base = uri.split("#", 1)[0]!;
        this.#byUri.set(base, schema);
      }
    }
    const anchor = schema["$anchor"];
    if (typeof anchor === "string") this.#byUri.set(`${base}#${anchor}`, schema);
    return base;
  }
}

function isOldDraft(draft: JsonValue | undefined): boolean {
  return typeof draft === "string" && /draft-0?[34567]\b/.test(draft);
}

function resolveUri(reference: string, base: string): string {
  try {
    return new URL(reference, base).href;
  } catch {
    return reference.startsWith("#") ? `${base.split("#", 1)[0]!}${reference}` : reference;
  }
}

function decodePart(part: string): string {
  let decoded = part;
  try {
    decoded = decodeURIComponent(part);
  } catch {
    // Not encoded for a URI: taken as it is.
  }
  return decoded.replaceAll("~1", "/").replaceAll("~0", "~");
}

function encodePart(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

export function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isJsonObject(value)) return "an object";
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
