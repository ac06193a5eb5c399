// Where JSON that is assembled by hand pays: a chunk of a stream, against `JSON.stringify` of the same object; a whole
// answer with log-probabilities that is written in pieces, against one `JSON.stringify` of all of it (each in a
// process of its own, as the peak of memory is measured). In turns. `npm run bench -- micro/json --help`
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { wireFormats, type GenerateEvent, type GenerateInput, type ModelService } from "@infernode/backend";
import { parseOptions } from "../lib/parse-options.ts";
import { writeReport } from "../lib/report.ts";
import { median } from "../lib/statistics.ts";
import { formatTable } from "../lib/table.ts";

const { values } = parseOptions(
  {
    options: {
      answers: { type: "string", default: "128" },
      tokens: { type: "string", default: "200" },
      top: { type: "string", default: "20" },
      rounds: { type: "string", default: "5" },
      output: { type: "string" },
      child: { type: "string" },
      help: { type: "boolean", default: false },
    },
  },
  { least: { top: 0 } },
);
if (values.help) {
  process.stdout.write("options: --answers 128  --tokens 200  --top 20  --rounds 5  --output <file.json>\n");
  process.exit(0);
}
const answerCount = Number(values.answers);
const tokenCount = Number(values.tokens);
const topCount = Number(values.top);
const rounds = Number(values.rounds);

const model = {
  id: "bench",
  family: "llama",
  parameterCount: 1,
  contextTokens: 4096,
  vocabSize: 4096,
  hasChatTemplate: true,
  generationDefaults: {},
  executor: "none",
  quantization: undefined,
  answerMemoryBytes: 2 ** 32,
  createdAt: 0,
};

function candidate(tokenId: number): { tokenId: number; token: string; bytes: number[]; logprob: number } {
  const token = ` token${tokenId}`;
  return { tokenId, token, bytes: [...Buffer.from(token)], logprob: -Math.abs(Math.sin(tokenId)) * 12 };
}

function logprobOf(tokenId: number) {
  const top = Array.from({ length: topCount }, (_, at) => candidate((tokenId * 31 + at) % model.vocabSize));
  return { ...candidate(tokenId), rank: 1, top };
}

/** One delta of each answer for each token, as an engine sends them. */
async function* generate({ n = 1, logprobs }: GenerateInput): AsyncGenerator<GenerateEvent> {
  yield { type: "accepted", promptTokenCount: 1 };
  for (let step = 0; step < tokenCount; step += 1) {
    for (let index = 0; index < n; index += 1) {
      const tokenId = (step * 131 + index * 7) % model.vocabSize;
      const delta = { index, text: ` token${tokenId}`, tokenIds: [tokenId], stopReason: undefined };
      const isLast = step === tokenCount - 1;
      yield {
        type: "delta",
        delta: {
          ...delta,
          logprobs: logprobs === undefined ? undefined : [logprobOf(tokenId)],
          finishReason: isLast ? "length" : undefined,
        },
      };
    }
  }
  const usage = { promptTokens: 1, completionTokens: n * tokenCount, cachedPromptTokens: 0 };
  yield { type: "finished", usage, timings: { queuedMs: 0, timeToFirstTokenMs: 0, totalMs: 0 } };
}

const nothing = async (): Promise<void> => undefined;
const service: ModelService = {
  models: () => [{ id: model.id, aliases: [], state: "ready", reasons: [], model, stats: undefined }],
  call: (_operation, input) => generate(input as unknown as GenerateInput) as AsyncIterable<never>,
  drain: nothing,
  dispose: nothing,
  [Symbol.asyncDispose]: nothing,
};

/** A chat that the codec of the daemon writes. */
async function startChat(fields: object) {
  const codec = wireFormats[0].codecs.find(({ path }) => path === "/v1/chat/completions");
  if (codec === undefined || !("prepare" in codec)) throw new Error("expected a codec of chats, got none");
  const body = { model: model.id, messages: [{ role: "user", content: "Hi" }], ...fields };
  const prepared = codec.prepare(
    { body, path: {}, query: {} },
    {
      service,
      clock: { now: () => performance.now(), epochMs: () => 0 },
      ids: () => "0123456789abcdef0123456789abcdef",
      maxChoices: answerCount,
      held: {
        start: async () => Promise.reject(new Error("expected no held response")),
        find: () => undefined,
        remove: () => false,
        stats: () => ({ runningCount: 0, endedCount: 0, sizeBytes: 0 }),
        dispose: nothing,
      },
      answers: { reservedBytes: 0, reserve: () => () => undefined },
      version: "0.0.0",
    },
  );
  return prepared.start(new AbortController().signal);
}

async function firstTextChunk(): Promise<string> {
  for await (const chunks of (await startChat({ stream: true })).chunks()) {
    const chunk = chunks.at(-1);
    if (typeof chunk === "string") return chunk;
  }
  throw new Error("expected a chunk, got none");
}

interface WholeAnswer {
  readonly ms: number;
  readonly peakMib: number;
  readonly characters: number;
}

/** In a process of its own. */
async function measureWhole(way: string): Promise<WholeAnswer> {
  const peak = (): number => process.resourceUsage().maxRSS / 1024;
  const before = peak();
  const startedAt = performance.now();
  let characters = 0;
  const send = (text: string): void => {
    characters += Buffer.from(text).length;
  };
  if (way === "pieces") {
    const fields = { n: answerCount, max_tokens: tokenCount, logprobs: true, top_logprobs: topCount };
    for (const piece of await (await startChat(fields)).collect()) send(piece);
  } else {
    const choices = Array.from({ length: answerCount }, (_, index) => ({
      index,
      message: { role: "assistant", content: "", refusal: null },
      logprobs: { content: [] as object[], refusal: null },
      finish_reason: "length",
    }));
    const toEntry = ({ token, logprob, bytes }: ReturnType<typeof candidate>) => ({ token, logprob, bytes });
    for await (const event of generate({ n: answerCount, logprobs: topCount } as GenerateInput)) {
      if (event.type !== "delta") continue;
      const choice = choices[event.delta.index];
      if (choice === undefined) continue;
      choice.message.content += event.delta.text;
      for (const { top, ...entry } of (event.delta.logprobs ?? []) as ReturnType<typeof logprobOf>[]) {
        choice.logprobs.content.push({ ...toEntry(entry), top_logprobs: top.map(toEntry) });
      }
    }
    send(
      JSON.stringify({ id: "chatcmpl-0", object: "chat.completion", created: 0, model: model.id, choices }),
    );
  }
  return { ms: performance.now() - startedAt, peakMib: peak() - before, characters };
}

if (values.child !== undefined) {
  process.stdout.write(JSON.stringify(await measureWhole(values.child)));
  process.exit(0);
}

const sample = await firstTextChunk();
const { choices: _, ...head } = JSON.parse(sample) as Readonly<Record<string, unknown>>;
const prefix = `${JSON.stringify(head).slice(0, -1)},"choices":[`;
const choiceOf = (index: number, content: string): object => ({
  index,
  delta: { content },
  logprobs: null,
  finish_reason: null,
});
const chunkWays: Readonly<Record<string, (index: number, text: string) => string>> = {
  "JSON.stringify of the chunk": (index, text) =>
    JSON.stringify({ ...head, choices: [choiceOf(index, text)] }),
  "JSON.stringify of the choice": (index, text) => `${prefix}${JSON.stringify(choiceOf(index, text))}]}`,
  "by hand": (index, text) =>
    `${prefix}{"index":${index},"delta":{"content":${JSON.stringify(text)}},"logprobs":null,"finish_reason":null}]}`,
};
for (const [way, write] of Object.entries(chunkWays)) {
  const written = write(0, " token0");
  if (written !== sample) throw new Error(`${way}: expected ${sample}, got ${written}`);
}

const texts = [" the", " fox", " über", "日本", " ran\n", ' "said"'];
const batch = 20_000;
const chunkNs = new Map<string, number[]>(Object.keys(chunkWays).map((way) => [way, []]));
let bytes = 0;
for (let round = 0; round < 5 * rounds; round += 1) {
  for (const [way, write] of Object.entries(chunkWays)) {
    const startedAt = performance.now();
    for (let at = 0; at < batch; at += 1) bytes += Buffer.byteLength(write(at % 8, texts[at % 6] ?? ""));
    if (round > 0) chunkNs.get(way)?.push(((performance.now() - startedAt) / batch) * 1e6);
  }
}

const answerWays = { "JSON.stringify of the answer": "stringify", "in pieces": "pieces" } as const;
const wholes = new Map<string, WholeAnswer[]>(Object.keys(answerWays).map((way) => [way, []]));
for (let round = 0; round < rounds; round += 1) {
  for (const [way, child] of Object.entries(answerWays)) {
    const args = ["--answers", values.answers, "--tokens", values.tokens, "--top", values.top];
    const path = fileURLToPath(import.meta.url);
    const text = execFileSync(process.execPath, [path, "--child", child, ...args], { encoding: "utf8" });
    wholes.get(way)?.push(JSON.parse(text) as WholeAnswer);
  }
}

const chunks = [...chunkNs].map(([way, samples]) => ({ way, ns: median(samples) }));
const answers = [...wholes].map(([way, samples]) => ({
  way,
  ms: median(samples.map(({ ms }) => ms)),
  peakMib: median(samples.map(({ peakMib }) => peakMib)),
  characters: samples[0]?.characters ?? 0,
}));
if (values.output !== undefined) {
  const setting = { answerCount, tokenCount, topCount, rounds, bytes };
  writeReport(values.output, "micro/json", { ...setting, chunks, answers });
}
const byHandNs = chunks.at(-1)?.ns ?? Number.NaN;
const [stringified] = answers;
process.stdout.write(
  `${formatTable(
    ["a chunk", "ns", "ratio to by hand"],
    chunks.map(({ way, ns }) => [way, ns.toFixed(0), (ns / byHandNs).toFixed(2)]),
  )}\n\n${formatTable(
    [
      `${answerCount} answers of ${tokenCount} tokens, ${topCount} alternatives`,
      "MB",
      "ms",
      "ratio",
      "peak MiB",
    ],
    answers.map(({ way, ms, peakMib, characters }) => [
      way,
      (characters / 1e6).toFixed(1),
      ms.toFixed(0),
      (ms / (stringified?.ms ?? Number.NaN)).toFixed(2),
      peakMib.toFixed(0),
    ]),
  )}\n`,
);
