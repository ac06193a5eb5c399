import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, it } from "vitest";
import { accepts, masksOf, walk } from "./constraints.ts";

/** A schema with instances that match and that do not, as `JSON.stringify` writes them. */
export interface SchemaCase {
  readonly name: string;
  readonly schema: object;
  readonly valid: readonly unknown[];
  readonly invalid: readonly unknown[];
  /** False where random tokens hardly ever complete a text. */
  readonly isWalked?: boolean;
}

/** Tests schemas against their instances, and against ajv by random walks. */
export function checkSchemas(cases: readonly SchemaCase[]): void {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  for (const { name, schema, valid, invalid, isWalked } of cases) {
    it(`takes what matches and nothing else: ${name}`, () => {
      const masks = masksOf({ jsonSchema: schema });
      const validate = ajv.compile(schema);
      const compact = masksOf({ jsonSchema: schema, whitespace: "compact" });
      const texts = valid.map((value) => JSON.stringify(value));
      const pretty = valid.map((value) => JSON.stringify(value, undefined, 2));
      expect(valid.filter((value) => !validate(value))).toEqual([]);
      expect(texts.filter((text) => !accepts(masks, text))).toEqual([]);
      expect(pretty.filter((text) => !accepts(masks, text))).toEqual([]);
      expect(texts.filter((text) => !accepts(compact, text))).toEqual([]);
      expect(invalid.filter((value) => accepts(masks, JSON.stringify(value)))).toEqual([]);
    });

    if (isWalked === false) continue;
    it(`writes only what matches: ${name}`, () => {
      const masks = masksOf({ jsonSchema: schema });
      const validate = ajv.compile(schema);
      const texts: string[] = [];
      for (let seed = 1; seed <= 15; seed += 1) {
        const { text, isFinished } = walk(masks, { seed, maxTokens: 600 });
        if (isFinished) texts.push(text);
      }
      expect(texts.length).toBeGreaterThan(5);
      expect(texts.filter((text) => !validate(JSON.parse(text)) || hasRepeatedKey(text))).toEqual([]);
    });
  }
}

/** Whether an object has the same key twice, which `JSON.parse` does not show; found with an own reader of its text. */
function hasRepeatedKey(text: string): boolean {
  const open: (Set<string> | undefined)[] = [];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\]]/g)) {
    if (token === "{") open.push(new Set());
    if (token === "[") open.push(undefined);
    if (token === "}" || token === "]") open.pop();
    if (!token.endsWith(":")) continue;
    const key = JSON.parse(token.slice(0, -1)) as string;
    if (open.at(-1)!.has(key)) return true;
    open.at(-1)!.add(key);
  }
  return false;
}
