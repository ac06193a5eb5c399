// Compares masks of JSON schemas with those of XGrammar and llguidance, for one vocabulary and without white space:
//   node tools/reference/mask_oracles.mjs walk <directory with tokenizer.json> > walks.json
//   python tools/reference/mask_oracles.py <the directory> walks.json > differences.json
//   node tools/reference/mask_oracles.mjs judge <the directory> differences.json
// `walk` writes random texts of each schema, token by token with our masks. `judge` completes each text after a token that
// we allow and both others refuse, and has ajv judge it.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import {
  compileConstraint,
  createMatcher,
  createTokenMasks,
  createTokenTrie,
} from "../../packages/inference/dist/constraint/index.js";
import { loadTokenizer } from "../../packages/models/dist/index.js";

const [command, folder, file] = process.argv.slice(2);
if (!["walk", "judge"].includes(command) || folder === undefined) {
  process.stderr.write("usage: mask_oracles.mjs walk <directory> | judge <directory> <differences.json>\n");
  process.exit(2);
}
const { Ajv2020 } = createRequire(new URL("../../packages/inference/package.json", import.meta.url))(
  "ajv/dist/2020.js",
);

const closed = { type: "object", additionalProperties: false };
const text = { type: "string" };
const schemas = {
  "a string": text,
  "a counted string": { type: "string", minLength: 2, maxLength: 12 },
  "a pattern": { type: "string", pattern: "^[a-z]+(-[a-z0-9]+)*$" },
  "an integer": { type: "integer" },
  "an integer in bounds": { type: "integer", minimum: -20, maximum: 1500 },
  "a number": { type: "number" },
  "texts and others": { enum: ["red", "redder", "green", 12, 1.5, null, true] },
  "one of several types": { anyOf: [text, { type: "integer", minimum: 0 }, { type: "null" }] },
  "items of a list": { type: "array", items: { type: "boolean" }, minItems: 2, maxItems: 5 },
  "a tuple": { type: "array", prefixItems: [text, { type: "integer" }], items: false, minItems: 2 },
  "all required": {
    ...closed,
    properties: { name: text, age: { type: "integer" } },
    required: ["name", "age"],
  },
  "some optional": {
    ...closed,
    properties: { a: { type: "null" }, b: { type: "boolean" }, c: { const: "c" }, name: text },
    required: ["b"],
  },
  "nested objects": {
    ...closed,
    properties: {
      tags: { type: "array", items: text },
      place: {
        ...closed,
        properties: { city: text, zip: { type: "string", pattern: "^[0-9]{5}$" } },
        required: ["zip"],
      },
    },
    required: ["tags", "place"],
  },
  "a recursive list": {
    $ref: "#/$defs/node",
    $defs: {
      node: {
        ...closed,
        properties: {
          value: { type: "integer" },
          next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] },
        },
        required: ["value", "next"],
      },
    },
  },
};
const walksOfSchema = 6;
const maxTokens = 40;

const tokenizer = await loadTokenizer(folder);
const { vocabSize } = tokenizer;
const bytes = Array.from({ length: vocabSize }, (_, token) => tokenizer.bytesOf(token));
const trie = createTokenTrie(bytes);
const words = (vocabSize + 31) >>> 5;

function masksOf(schema) {
  return createTokenMasks(compileConstraint({ jsonSchema: schema, whitespace: "compact" }), trie);
}

function createRandom(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function listTokens(mask) {
  const tokens = [];
  for (let token = 0; token < vocabSize; token += 1) {
    if ((mask[token >>> 5] >>> (token & 31)) & 1) tokens.push(token);
  }
  return tokens;
}

/** The tokens that end a part of JSON. */
function isClosing(token) {
  return /^[\]}",:]+$/.test(Buffer.from(bytes[token]).toString("latin1"));
}

function walkOnce(masks, random) {
  const matcher = createMatcher(masks, []);
  const walk = { tokens: [], masks: [] };
  while (walk.tokens.length < maxTokens) {
    const mask = new Uint32Array(words);
    matcher.fillMask(mask);
    const allowed = listTokens(mask);
    if (allowed.length === 0) break;
    const closing = allowed.filter(isClosing);
    const from = closing.length > 0 && random() < walk.tokens.length / 12 ? closing : allowed;
    const token = from[Math.floor(random() * from.length)];
    walk.masks.push(Buffer.from(mask.buffer).toString("base64"));
    walk.tokens.push(token);
    matcher.accept(token);
  }
  return walk;
}

/** A whole text that begins with some tokens: closed where it may be, else with the shortest token. */
function complete(masks, tokens) {
  const matcher = createMatcher(masks, []);
  const all = [...tokens];
  for (const token of tokens) if (!matcher.accept(token)) return undefined;
  const mask = new Uint32Array(words);
  for (let step = 0; step < 400 && !matcher.isComplete; step += 1) {
    matcher.fillMask(mask);
    const allowed = listTokens(mask).filter((token) => bytes[token].length === 1);
    const closing = allowed.filter((token) => isClosing(token) && !(step > 40 && bytes[token][0] === 0x2c));
    const next = closing.at(-1) ?? allowed[0];
    matcher.accept(next);
    all.push(next);
  }
  return matcher.isComplete ? Buffer.concat(all.map((token) => bytes[token])).toString() : undefined;
}

if (command === "walk") {
  const random = createRandom(1);
  const cases = Object.entries(schemas).map(([name, schema]) => {
    const masks = masksOf(schema);
    return { name, schema, walks: Array.from({ length: walksOfSchema }, () => walkOnce(masks, random)) };
  });
  process.stdout.write(JSON.stringify({ vocabSize, cases }));
} else {
  const ajv = new Ajv2020({ strict: false });
  const counts = { valid: 0, invalid: 0, "not completed": 0 };
  for (const { name, walks } of JSON.parse(readFileSync(file, "utf8"))) {
    const validate = ajv.compile(schemas[name]);
    const masks = masksOf(schemas[name]);
    for (const { tokens, oursAlone } of walks) {
      for (const [step, found] of Object.entries(oursAlone)) {
        for (const token of found) {
          const whole = complete(masks, [...tokens.slice(0, Number(step)), token]);
          const verdict =
            whole === undefined ? "not completed" : validate(JSON.parse(whole)) ? "valid" : "invalid";
          counts[verdict] += 1;
          if (verdict !== "valid") process.stdout.write(`${verdict}: ${name} ${JSON.stringify(whole)}\n`);
        }
      }
    }
  }
  process.stdout.write(`texts after tokens that only we allow: ${JSON.stringify(counts)}\n`);
}
