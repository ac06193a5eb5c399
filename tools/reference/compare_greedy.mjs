// Compares a daemon's greedy answers with those of `greedy_answers.py`:
//   infernode serve --model <directory> --quantize none --port 8000
//   node compare_greedy.mjs <answers.json> [http://127.0.0.1:8000]
import { readFileSync } from "node:fs";

const [path, url = "http://127.0.0.1:8000"] = process.argv.slice(2);
if (path === undefined) throw new Error("expected a file of greedy_answers.py, got none");
const { tokens, answers } = JSON.parse(readFileSync(path, "utf8"));

async function fetchJson(route, body) {
  const headers = { "content-type": "application/json" };
  const init = body === undefined ? {} : { method: "POST", headers, body: JSON.stringify(body) };
  const response = await fetch(`${url}${route}`, init);
  if (!response.ok) {
    throw new Error(`${route}: expected 200, got ${response.status} ${await response.text()}`);
  }
  return response.json();
}

const model = (await fetchJson("/v1/models")).data[0].id;
const outcomes = await Promise.all(
  answers.map(async ({ prompt, promptTokens, text }) => {
    const parameters = { temperature: 0, repetition_penalty: 1, max_tokens: tokens };
    const { choices, usage } = await fetchJson("/v1/completions", { model, prompt, ...parameters });
    const isEqual = choices[0].text === text && usage.prompt_tokens === promptTokens;
    return { isEqual, prompt: prompt.slice(0, 60), promptTokens, usage, theirs: text, ours: choices[0].text };
  }),
);
for (const { isEqual, ...outcome } of outcomes) {
  if (!isEqual) process.stdout.write(`${JSON.stringify(outcome)}\n`);
}
const equal = outcomes.filter(({ isEqual }) => isEqual).length;
process.stdout.write(`${equal} of ${outcomes.length} answers of ${tokens} tokens are equal\n`);
process.exitCode = equal === outcomes.length ? 0 : 1;
