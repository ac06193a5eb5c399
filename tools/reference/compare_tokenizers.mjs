// Compares the results of `real_tokenizers.py` with those of the built packages/models and packages/inference.
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { createInterface } from "node:readline";

import { loadTokenizer } from "../../packages/models/dist/index.js";
import { Detokenizer } from "../../packages/inference/dist/text/detokenizer.js";

const [path, shown = "3"] = process.argv.slice(2);
let current;

function report() {
  if (current === undefined) return;
  const { name, counts, examples } = current;
  process.stdout.write(`${name}: ${JSON.stringify(counts)}\n`);
  for (const example of examples.slice(0, Number(shown))) {
    process.stdout.write(`  ${JSON.stringify(example)}\n`);
  }
}

function check(what, [given, wanted, got]) {
  const isEqual = JSON.stringify(wanted) === JSON.stringify(got);
  const [equal, all] = current.counts[what] ?? [0, 0];
  current.counts[what] = [equal + Number(isEqual), all + 1];
  if (!isEqual) current.examples.push({ what, given, wanted, got });
}

function stream(tokenizer, ids) {
  const detokenizer = new Detokenizer(tokenizer, { skipSpecialTokens: false });
  return ids.map((id) => detokenizer.push(id)).join("") + detokenizer.flush();
}

for await (const line of createInterface({ input: createReadStream(path) })) {
  const { directory, vocabSize, text, ids, idsWithSpecial, decoded, decodedSkipSpecial } = JSON.parse(line);
  if (directory !== undefined) {
    report();
    const name = basename(directory);
    current = { name, counts: {}, examples: [] };
    try {
      current.tokenizer = await loadTokenizer(directory);
      check("vocabSize", [name, vocabSize, current.tokenizer.vocabSize]);
    } catch (error) {
      current.examples.push(error.message);
    }
    continue;
  }
  const { tokenizer } = current;
  if (tokenizer === undefined) continue;
  if (text !== undefined) check("encode", [text, ids, tokenizer.encode(text, { addSpecialTokens: false })]);
  if (idsWithSpecial !== undefined) {
    check("encodeWithSpecial", [text, idsWithSpecial, tokenizer.encode(text)]);
  }
  check("decode", [ids, decoded, tokenizer.decode(ids)]);
  check("decodeSkipSpecial", [ids, decodedSkipSpecial, tokenizer.decode(ids, { skipSpecialTokens: true })]);
  check("stream", [ids, decoded, stream(tokenizer, ids)]);
}
report();
