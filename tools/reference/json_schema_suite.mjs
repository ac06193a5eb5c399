// Runs the JSON Schema Test Suite over the constraints of @infernode/inference: of every schema that compiles, an
// instance must be accepted exactly if it is valid. `node tools/reference/json_schema_suite.mjs <suite>/tests`
//
// The suite (github.com/json-schema-org/JSON-Schema-Test-Suite) is not part of this repository. Instances are written
// compactly, with their properties in every order, as an object has one order in a constraint; one must be accepted.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  compileConstraint,
  createMatcher,
  createTokenMasks,
  createTokenTrie,
} from "../../packages/inference/dist/constraint/index.js";

const [root] = process.argv.slice(2);
if (root === undefined) {
  process.stderr.write("usage: json_schema_suite.mjs <folder of draft7, draft2020-12, …>\n");
  process.exit(2);
}
const maxTexts = 5000;
const endToken = 256;
const trie = createTokenTrie(
  Array.from({ length: 257 }, (_, byte) => (byte < 256 ? Uint8Array.of(byte) : undefined)),
);

function* permutations(items) {
  if (items.length <= 1) yield items;
  for (const [index, item] of items.entries()) {
    for (const rest of permutations(items.toSpliced(index, 1))) yield [item, ...rest];
  }
}

/** The texts of a value with the properties of its objects in all orders. */
function* textsOf(value) {
  if (Array.isArray(value)) {
    yield* joined({ items: value, textsOfItem: textsOf, close: "]" }, 0, "[");
  } else if (typeof value === "object" && value !== null) {
    for (const items of permutations(Object.keys(value))) {
      const textsOfItem = (name) => prefixed(`${JSON.stringify(name)}:`, textsOf(value[name]));
      yield* joined({ items, textsOfItem, close: "}" }, 0, "{");
    }
  } else {
    yield JSON.stringify(value);
  }
}

function* prefixed(prefix, texts) {
  for (const text of texts) yield prefix + text;
}

/** The texts of a list from one of its items on, behind the text before. */
function* joined(list, index, before) {
  if (index === list.items.length) {
    yield before + list.close;
    return;
  }
  for (const text of list.textsOfItem(list.items[index])) {
    yield* joined(list, index + 1, before + (index === 0 ? "" : ",") + text);
  }
}

function isAccepted(masks, value) {
  let count = 0;
  for (const text of textsOf(value)) {
    count += 1;
    if (count > maxTexts) return false;
    const matcher = createMatcher(masks, [endToken]);
    if (Buffer.from(text).every((byte) => matcher.accept(byte)) && matcher.accept(endToken)) return true;
  }
  return false;
}

let failures = 0;
for (const draft of ["draft7", "draft2020-12"]) {
  const counts = { schemas: 0, compiled: 0, tests: 0, agreed: 0, narrower: 0, wider: 0 };
  const refused = new Map();
  const lists = { narrower: [], wider: [], untyped: [] };
  const folder = join(root, draft);
  const files = [folder, join(folder, "optional"), join(folder, "optional", "format")].flatMap((at) =>
    readdirSync(at)
      .filter((name) => name.endsWith(".json"))
      .map((name) => join(at, name)),
  );
  for (const file of files) {
    for (const { description, schema, tests } of JSON.parse(readFileSync(file, "utf8"))) {
      counts.schemas += 1;
      const marked = typeof schema === "object" && !("$schema" in schema) && draft === "draft7";
      let program;
      try {
        const source = marked ? { $schema: "http://json-schema.org/draft-07/schema#", ...schema } : schema;
        program = compileConstraint({ jsonSchema: source, whitespace: "compact" });
      } catch (error) {
        if (error.name !== "ConstraintError") lists.untyped.push(`${file}: ${description}: ${error.stack}`);
        const reason =
          error.got === "one that nothing matches" ? "nothing matches" : (error.keyword ?? error.expected);
        if (reason === "nothing matches" && tests.some((test) => test.valid)) {
          lists.narrower.push(`${file.slice(root.length)}: ${description}: nothing matches`);
        }
        refused.set(reason, (refused.get(reason) ?? 0) + 1);
        continue;
      }
      counts.compiled += 1;
      const masks = createTokenMasks(program, trie);
      for (const { description: name, data, valid } of tests) {
        counts.tests += 1;
        const accepted = isAccepted(masks, data);
        const kind = accepted === valid ? "agreed" : valid ? "narrower" : "wider";
        counts[kind] += 1;
        if (kind !== "agreed") {
          lists[kind].push(`${file.slice(root.length)}: ${description}: ${name}: ${JSON.stringify(data)}`);
        }
      }
    }
  }
  process.stdout.write(`${draft}: ${JSON.stringify(counts)}\n`);
  const sorted = [...refused].sort((left, right) => right[1] - left[1]);
  process.stdout.write(`  refused: ${sorted.map(([reason, count]) => `${reason} ${count}`).join(", ")}\n`);
  for (const [kind, list] of Object.entries(lists)) {
    for (const line of list) process.stdout.write(`  ${kind}: ${line.slice(0, 240)}\n`);
  }
  failures += lists.wider.length + lists.untyped.length;
}
process.exit(failures === 0 ? 0 : 1);
