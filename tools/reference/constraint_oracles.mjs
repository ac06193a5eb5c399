// Writes what this package says of the JSON Schema Test Suite's instances, for constraint_oracles.py:
// `node tools/reference/constraint_oracles.mjs <suite>/tests/draft2020-12 > verdicts.json`
//
// Each instance is written compactly, with the properties of its objects in every order, as an object has one order in a
// constraint. Beside the suite's instances there are changed ones, which ajv judges.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import {
  compileConstraint,
  createMatcher,
  createTokenMasks,
  createTokenTrie,
} from "../../packages/inference/dist/constraint/index.js";

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write("usage: constraint_oracles.mjs <folder of .json files of the suite>\n");
  process.exit(2);
}
const { Ajv2020 } = createRequire(new URL("../../packages/inference/package.json", import.meta.url))(
  "ajv/dist/2020.js",
);
const maxTexts = 120;
const endToken = 256;
const trie = createTokenTrie(
  Array.from({ length: 257 }, (_, byte) => (byte < 256 ? Uint8Array.of(byte) : undefined)),
);

function permutations(items) {
  if (items.length <= 1) return [items];
  return items.flatMap((item, at) => permutations(items.toSpliced(at, 1)).map((rest) => [item].concat(rest)));
}

function combine(lists) {
  let all = [[]];
  for (const list of lists) {
    all = all.flatMap((one) => list.map((item) => one.concat(item))).slice(0, maxTexts);
  }
  return all;
}

/** The texts of a value with the properties of its objects in all orders, up to a number. */
function textsOf(value) {
  if (Array.isArray(value)) return combine(value.map(textsOf)).map((items) => `[${items.join(",")}]`);
  if (typeof value !== "object" || value === null) return [JSON.stringify(value)];
  const names = Object.keys(value);
  const orders = names.length <= 5 ? permutations(names) : [names];
  const written = orders.flatMap((order) =>
    combine(order.map((name) => textsOf(value[name]).map((text) => `${JSON.stringify(name)}:${text}`))),
  );
  return written.slice(0, maxTexts).map((members) => `{${members.join(",")}}`);
}

/** A value with one part of it left out or exchanged. */
function* changed(value) {
  if (Array.isArray(value)) {
    for (const [at, item] of value.entries()) {
      yield value.toSpliced(at, 1);
      for (const other of changed(item)) yield value.toSpliced(at, 1, other);
    }
    yield [...value, ...value.slice(0, 1)];
  } else if (typeof value === "object" && value !== null) {
    for (const name of Object.keys(value)) {
      const { [name]: item, ...rest } = value;
      yield rest;
      for (const other of changed(item)) yield { ...value, [name]: other };
    }
  } else if (typeof value === "number") {
    yield* [value + 1, -value, String(value)];
  } else if (typeof value === "string") {
    yield* [value.slice(1), `${value}a`, null];
  } else {
    yield* [0, "a"];
  }
}

function accepts(masks, text) {
  const matcher = createMatcher(masks, [endToken]);
  return Buffer.from(text).every((byte) => matcher.accept(byte)) && matcher.accept(endToken);
}

const cases = [];
for (const name of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
  for (const { schema, tests } of JSON.parse(readFileSync(join(folder, name), "utf8"))) {
    // ajv finds properties of these names in every object.
    if (JSON.stringify(schema).includes("__proto__")) continue;
    let validate;
    try {
      validate = new Ajv2020({ strict: false, validateFormats: false, logger: false }).compile(schema);
      validate(tests[0].data);
    } catch {
      // Refers to other documents, to a vocabulary that ajv does not know, or to itself without end.
      continue;
    }
    let masks;
    try {
      masks = createTokenMasks(compileConstraint({ jsonSchema: schema, whitespace: "compact" }), trie);
    } catch {
      masks = undefined;
    }
    const instances = new Map();
    for (const { data } of tests) instances.set(JSON.stringify(data), data);
    for (const { data } of tests) {
      for (const other of [...changed(data)].slice(0, 12)) instances.set(JSON.stringify(other), other);
    }
    const texts = [...instances.values()].map((data) => {
      const all = textsOf(data);
      return { texts: all, valid: validate(data), ours: masks && all.some((text) => accepts(masks, text)) };
    });
    cases.push({ keyword: name.replace(".json", ""), schema, compiled: masks !== undefined, texts });
  }
}
process.stdout.write(JSON.stringify(cases));
