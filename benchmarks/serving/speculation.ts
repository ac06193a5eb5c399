// Tokens per second of answers with and without speculation, in turns.
// `npm run bench -- serving/speculation --help`
import { type DaemonProcess, startDaemonProcess } from "../lib/daemon-process.ts";
import { parseOptions } from "../lib/parse-options.ts";
import { writeReport } from "../lib/report.ts";
import { median } from "../lib/statistics.ts";
import { formatTable } from "../lib/table.ts";
import { repeatingChats, type RepeatingChat } from "../workloads/repeating-chats.ts";

const { values } = parseOptions({
  options: {
    model: { type: "string" },
    tokens: { type: "string", default: "7" },
    rounds: { type: "string", default: "5" },
    "max-tokens": { type: "string", default: "200" },
    output: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(
    "options: --model <directory or file>  --tokens 7  --rounds 5  --max-tokens 200  --output <file.json>\n",
  );
  process.exit(0);
}

const model = values.model === undefined ? [] : ["--model", values.model];
const [plain, speculating] = await Promise.all([
  startDaemonProcess(model),
  startDaemonProcess([...model, "--speculation", "ngram", "--speculation-tokens", values.tokens]),
]);
process.once("exit", () => {
  void plain.stop();
  void speculating.stop();
});
const models = (await (await fetch(`${plain.url}/v1/models`)).json()) as { data: { id: string }[] };
const modelId = models.data[0]?.id;

interface Answer {
  readonly tokensPerSecond: number;
  readonly content: string;
}

async function ask(daemon: DaemonProcess, { prompt }: RepeatingChat, prediction?: string): Promise<Answer> {
  const body = {
    model: modelId,
    messages: [{ role: "user", content: prompt }],
    max_tokens: Number(values["max-tokens"]),
    temperature: 0,
    ...(prediction !== undefined && { prediction: { type: "content", content: prediction } }),
  };
  const startedAt = performance.now();
  const response = await fetch(`${daemon.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as {
    readonly choices: readonly { readonly message: { readonly content: string } }[];
    readonly usage: { readonly completion_tokens: number };
  };
  const seconds = (performance.now() - startedAt) / 1000;
  const content = answer.choices[0]?.message.content ?? "";
  return { tokensPerSecond: answer.usage.completion_tokens / seconds, content };
}

/** Proposed tokens, and those of them that were confirmed. */
async function countProposals(): Promise<readonly [number, number]> {
  const text = await (await fetch(`${speculating.url}/metrics`)).text();
  const read = (name: string): number => Number(new RegExp(`^${name}\\{.*\\} (\\d+)`, "m").exec(text)?.[1]);
  return [read("infernode_proposed_tokens_total"), read("infernode_confirmed_tokens_total")];
}

const results = [];
for (const chat of repeatingChats) {
  const speeds: (readonly [number, number])[] = [];
  let differs = false;
  const before = await countProposals();
  // The first round is dropped.
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    const without = await ask(plain, chat);
    const having = await ask(speculating, chat, chat.prediction);
    differs ||= without.content !== having.content;
    if (round > 0) speeds.push([without.tokensPerSecond, having.tokensPerSecond]);
  }
  const after = await countProposals();
  const proposed = after[0] - before[0];
  results.push({
    chat: chat.name,
    plain: median(speeds.map(([each]) => each)),
    speculating: median(speeds.map(([, each]) => each)),
    ratio: median(speeds.map(([without, having]) => having / without)),
    confirmedShare: proposed === 0 ? 0 : (after[1] - before[1]) / proposed,
    isSameText: !differs,
  });
}
await Promise.all([plain.stop(), speculating.stop()]);

const rows = results.map((each) => [
  each.chat,
  each.plain.toFixed(1),
  each.speculating.toFixed(1),
  each.ratio.toFixed(2),
  `${(100 * each.confirmedShare).toFixed(0)} %`,
  each.isSameText ? "yes" : "no",
]);
const header = ["answer", "plain, tokens/s", "speculating, tokens/s", "ratio", "confirmed", "same text"];
process.stdout.write(`model ${modelId}\n${formatTable(header, rows)}\n`);
if (values.output !== undefined) {
  const { tokens, "max-tokens": maxTokens } = values;
  writeReport(values.output, "speculation", { model: modelId, tokens, maxTokens, results });
}
