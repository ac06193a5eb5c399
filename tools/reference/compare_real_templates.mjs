// Compares the results of `real_templates.py` with those of the built packages/models.
import { readFileSync } from "node:fs";

import { createChatTemplate } from "../../packages/models/dist/index.js";

const [path, shown = "2"] = process.argv.slice(2);
const all = { templates: 0, equal: 0, bothFail: 0, refused: 0, accepted: 0, differing: 0 };
let template;
let name;

function outcomeOf({ messages, tools, addGenerationPrompt, continueFinalMessage, variables, rendered }) {
  const variablesJson = JSON.stringify(tools === undefined ? variables : { ...variables, tools });
  const options = { addGenerationPrompt, continueFinalMessage, variablesJson };
  try {
    const ours = template.render(messages, options);
    return { ours, outcome: rendered === undefined ? "accepted" : ours === rendered ? "equal" : "differing" };
  } catch (error) {
    return { ours: error.message, outcome: rendered === undefined ? "bothFail" : "refused" };
  }
}

for (const line of readFileSync(path, "utf8").trimEnd().split("\n")) {
  const value = JSON.parse(line);
  if (value.source !== undefined) {
    ({ name } = value);
    all.templates += 1;
    all[name] = 0;
    template = createChatTemplate(value.source, { specialTokens: new Map(Object.entries(value.tokens)) });
    continue;
  }
  const { ours, outcome } = outcomeOf(value);
  all[outcome] += 1;
  if (outcome === "equal" || outcome === "bothFail") {
    delete all[all[name] === 0 ? name : ""];
    continue;
  }
  all[name] = (all[name] ?? 0) + 1;
  if (all[name] > Number(shown)) continue;
  const python = value.rendered ?? value.error;
  process.stdout.write(`${JSON.stringify({ name, title: value.title, outcome, python, ours })}\n`);
}
process.stdout.write(`${JSON.stringify(all)}\n`);
