// Compares the results of `template_differential.py` with those of the built packages/models.
import { readFileSync } from "node:fs";
import { createChatTemplate } from "../../packages/models/dist/index.js";

const [path, shown = "20"] = process.argv.slice(2);
const [first, ...cases] = readFileSync(path, "utf8").trimEnd().split("\n").map(JSON.parse);
const { messages: _messages, ...variables } = JSON.parse(first.variables);
const { messages } = JSON.parse(first.variables);
const variablesJson = first.variables;
void variables;

function render(source) {
  try {
    return { rendered: createChatTemplate(source).render(messages, { variablesJson }) };
  } catch (error) {
    return { error: error.message };
  }
}

// Python prints an address, or the order of a set.
const unstable =
  /0x[0-9a-f]{6,}|<(?:generator|built-in|bound|function|class|Macro|list_reverseiterator|reversed|dict_|range_|jinja2|markupsafe)/;
const counts = { equal: 0, bothFail: 0, unstable: 0, refused: 0, accepted: 0, differing: 0 };
const examples = { refused: [], accepted: [], differing: [] };
for (const { source, rendered, error } of cases) {
  const ours = render(source);
  let outcome;
  if (error !== undefined) outcome = ours.error === undefined ? "accepted" : "bothFail";
  else if (unstable.test(rendered)) outcome = "unstable";
  else if (ours.error !== undefined) outcome = "refused";
  else outcome = ours.rendered === rendered ? "equal" : "differing";
  counts[outcome] += 1;
  examples[outcome]?.push({ source, python: rendered ?? error, ours: ours.rendered ?? ours.error });
}
process.stdout.write(`${JSON.stringify({ compared: cases.length, ...counts })}\n`);
for (const [outcome, list] of Object.entries(examples)) {
  for (const example of list.slice(0, Number(shown))) {
    process.stdout.write(`${outcome}: ${JSON.stringify(example)}\n`);
  }
}
