// Tokens per second of streams whose text must match a JSON schema, and of free ones, in turns.
// `npm run bench -- serving/constrained --help`
import { startDaemonProcess } from "../lib/daemon-process.ts";
import { parseOptions } from "../lib/parse-options.ts";
import { writeReport } from "../lib/report.ts";
import { median } from "../lib/statistics.ts";
import { streamCompletion } from "../lib/stream-completion.ts";
import { formatTable } from "../lib/table.ts";

const { values } = parseOptions({
  options: {
    model: { type: "string" },
    streams: { type: "string", default: "1,8" },
    rounds: { type: "string", default: "5" },
    "max-tokens": { type: "string", default: "128" },
    output: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(
    "options: --model <directory>  --streams 1,8  --rounds 5  --max-tokens 128  --output <file.json>\n",
  );
  process.exit(0);
}

const person = {
  type: "object",
  properties: {
    name: { type: "string", maxLength: 80 },
    age: { type: "integer", minimum: 0, maximum: 120 },
    email: { type: "string", format: "email" },
    hobbies: { type: "array", items: { type: "string" }, minItems: 1, maxItems: 5 },
    active: { type: "boolean" },
  },
  required: ["name", "age", "email", "hobbies", "active"],
  additionalProperties: false,
};
/** More than any answer has room for: all answers end by their length. */
const people = { type: "array", items: person, minItems: 1000 };

const daemon = await startDaemonProcess(values.model === undefined ? [] : ["--model", values.model]);
process.once("exit", () => void daemon.stop());
const models = (await (await fetch(`${daemon.url}/v1/models`)).json()) as { data: { id: string }[] };
const body = {
  model: models.data[0]?.id,
  prompt: "A list of people as JSON:\n",
  max_tokens: Number(values["max-tokens"]),
  temperature: 0.8,
};
const kinds = {
  free: { ignore_eos: true },
  constrained: { structured_outputs: { json: people } },
} as const;

async function tokensPerSecond(
  kind: keyof typeof kinds,
  streamCount: number,
  round: number,
): Promise<number> {
  const startedAt = performance.now();
  const answers = await Promise.all(
    Array.from({ length: streamCount }, (_, index) =>
      streamCompletion(daemon.url, { ...body, ...kinds[kind], seed: round * 100 + index }),
    ),
  );
  const tokenCount = answers.reduce((sum, { completionTokenCount }) => sum + completionTokenCount, 0);
  return tokenCount / ((performance.now() - startedAt) / 1000);
}

// The first constraint makes the tree of the vocabulary, and the first answers their masks.
for (const kind of ["free", "constrained"] as const) await tokensPerSecond(kind, 2, 0);

const results = [];
for (const streamCount of values.streams.split(",").map(Number)) {
  const free: number[] = [];
  const constrained: number[] = [];
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    free.push(await tokensPerSecond("free", streamCount, round));
    constrained.push(await tokensPerSecond("constrained", streamCount, round));
  }
  const ratio = median(constrained.map((speed, round) => speed / (free[round] ?? Number.NaN)));
  results.push({ streamCount, free: median(free), constrained: median(constrained), ratio });
}
await daemon.stop();

const rows = results.map(({ streamCount, free, constrained, ratio }) => [
  `${streamCount}`,
  free.toFixed(1),
  constrained.toFixed(1),
  ratio.toFixed(3),
]);
const header = ["streams", "free, tokens/s", "constrained, tokens/s", "ratio"];
process.stdout.write(`model ${body.model}\n${formatTable(header, rows)}\n`);
if (values.output !== undefined) {
  writeReport(values.output, "constrained", { model: body.model, maxTokens: body.max_tokens, results });
}
