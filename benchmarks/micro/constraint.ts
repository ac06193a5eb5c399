// Time to compile constraints and to fill masks along given answers, prepared here or in a thread.
// `npm run bench -- micro/constraint --help`
import { once } from "node:events";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import {
  addSharedTokens,
  compileConstraint,
  compileSamples,
  type ConstraintProgram,
  type ConstraintSource,
  createMatcher,
  createTokenMasks,
  createTokenTrie,
  fillSampleMasks,
  listSharedTokens,
  type PreparedTokens,
  prepareTokens,
  type SharedTokens,
  type TokenTrie,
  warmUpConstraints,
} from "@infernode/inference/constraint";
import { loadTokenizer } from "@infernode/models";
import { parseOptions } from "../lib/parse-options.ts";
import { writeReport } from "../lib/report.ts";
import { median, quantile } from "../lib/statistics.ts";
import { formatTable } from "../lib/table.ts";

const { values } = parseOptions({
  options: {
    tokenizer: { type: "string" },
    rounds: { type: "string", default: "20" },
    "in-thread": { type: "boolean", default: false },
    output: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help || values.tokenizer === undefined) {
  process.stdout.write(
    "options: --tokenizer <directory with tokenizer.json>  --rounds 20  --in-thread (compiles and prepares in a thread, as the daemon does)  --output <file.json>  --json\n",
  );
  process.exit(values.help ? 0 : 2);
}

const person = {
  name: "Maximilian Alexander von Hohenstaufen, the third of his name",
  age: 43,
  email: "max.h@example.com",
  tags: ["royal", "history", "a longer tag with words"],
  address: { street: "12 Long Winding Road, Apartment 4B", city: "Stuttgart", zip: "70173" },
};
const personSchema = {
  type: "object",
  properties: {
    name: { type: "string", maxLength: 80 },
    age: { type: "integer", minimum: 0, maximum: 150 },
    email: { type: "string", format: "email" },
    tags: { type: "array", items: { type: "string" }, maxItems: 10 },
    address: {
      type: "object",
      properties: {
        street: { type: "string" },
        city: { type: "string" },
        zip: { type: "string", pattern: "^[0-9]{5}$" },
      },
      required: ["street", "city"],
      additionalProperties: false,
    },
  },
  required: ["name", "age"],
  additionalProperties: false,
};
const story = 'A long story about "quotes", \\ escapes and lines\nwith é, 漢字 and 😀. '.repeat(4);
const document = { title: "Everything", numbers: [1, 2.5, -3e10], deep: { deeper: [true, null, story] } };
const sentence = "The quick brown fox jumps over the lazy dog and then some more.";
const resource = {
  uri: "https://www.example.com/a/long/path?query=1#fragment",
  at: "2026-11-30T01:00:00Z",
  id: "123e4567-e89b-12d3-a456-426614174000",
  host: "www.example.com",
};
const formatsSchema = {
  type: "object",
  properties: {
    uri: { type: "string", format: "uri" },
    at: { type: "string", format: "date-time" },
    id: { type: "string", format: "uuid" },
    host: { type: "string", format: "hostname" },
  },
  additionalProperties: false,
};
const expressions = `root ::= sum
sum ::= product (ws ("+" | "-") ws product)*
product ::= value (ws ("*" | "/") ws value)*
value ::= number | name | "(" sum ")"
number ::= [0-9]+ ("." [0-9]+)?
name ::= [a-z_] [a-z0-9_]{0,30}
ws ::= " "*`;

interface Case {
  readonly name: string;
  readonly source: ConstraintSource;
  readonly answer: string;
}

const cases: readonly Case[] = [
  { name: "a person", source: { jsonSchema: personSchema }, answer: JSON.stringify(person) },
  {
    name: "a person, pretty-printed",
    source: { jsonSchema: personSchema },
    answer: JSON.stringify(person, undefined, 2),
  },
  { name: "any object", source: { jsonObject: true }, answer: JSON.stringify(document, undefined, 2) },
  {
    name: "a pattern anywhere",
    source: { jsonSchema: { type: "string", pattern: "fox.*dog" } },
    answer: JSON.stringify(sentence),
  },
  { name: "words", source: { regex: "[A-Z][a-z]{0,20}( [a-z]{1,30}){3,40}\\." }, answer: sentence },
  {
    name: "formats",
    source: { jsonSchema: formatsSchema },
    answer: JSON.stringify(resource),
  },
  {
    name: "a pattern with a length",
    source: { jsonSchema: { type: "string", pattern: "^[a-z0-9]+(-[a-z0-9]+)*$", maxLength: 50 } },
    answer: JSON.stringify("the-quick-brown-fox-jumps-over-2-dogs"),
  },
  { name: "a grammar", source: { grammar: expressions }, answer: "alpha_beta * (gamma + 3.5) / delta9 - 17" },
  { name: "a choice", source: { choice: ["positive", "negative", "neutral"] }, answer: "negative" },
];

/** What the thread is sent: the bytes of all tokens, then sources. */
type ThreadInput = readonly Uint8Array[] | ConstraintSource;
/** What it sends: the tree with what constraints share, and programs of samples; then programs. */
interface ThreadOutput {
  readonly trie?: TokenTrie;
  readonly shared?: SharedTokens;
  readonly programs: readonly ConstraintProgram[];
  readonly prepared?: readonly PreparedTokens[];
}

/** A program, and what was worked out for it. */
interface Compiled {
  readonly program: ConstraintProgram;
  readonly prepared: readonly PreparedTokens[];
}

if (!isMainThread) {
  let made: TokenTrie | undefined;
  parentPort!.on("message", (input: ThreadInput) => {
    let output: ThreadOutput;
    if (Array.isArray(input)) {
      made = createTokenTrie(input as readonly Uint8Array[]);
      warmUpConstraints(made);
      output = { trie: made, shared: listSharedTokens(made), programs: compileSamples() };
    } else {
      const program = compileConstraint(input as ConstraintSource);
      output = { programs: [program], prepared: [...prepareTokens(program, made!)].flat() };
    }
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    parentPort!.postMessage(output);
  });
  await new Promise(() => {});
}

const isInThread = values["in-thread"];
const worker = isInThread ? new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) }) : undefined;

/** Has the thread work, as the daemon does: here only sample masks have been filled before the first mask. */
async function askThread(input: ThreadInput): Promise<ThreadOutput> {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  worker!.postMessage(input);
  const [output] = (await once(worker!, "message")) as [ThreadOutput];
  return output;
}

const tokenizer = await loadTokenizer(values.tokenizer);
const tokenBytes = Array.from({ length: tokenizer.vocabSize }, (_, token) => tokenizer.bytesOf(token));
const buildMs = isInThread
  ? undefined
  : median(Array.from({ length: 5 }, () => timeOf(() => createTokenTrie(tokenBytes))));
const trie = isInThread ? await makeInThread(tokenBytes) : createTokenTrie(tokenBytes);
const warmUpMs = isInThread ? undefined : timeOf(() => warmUpConstraints(trie));
const results: Record<string, number | string>[] = [];
for (const each of cases) results.push(await measure(each));
await worker?.terminate();

function timeText(ms: number | undefined): string {
  return ms === undefined ? "in a thread" : `${ms.toFixed(0)} ms`;
}

function timeOf(run: () => unknown): number {
  const startedAt = performance.now();
  run();
  return performance.now() - startedAt;
}

async function makeInThread(bytes: readonly Uint8Array[]): Promise<TokenTrie> {
  const { trie: made, shared, programs } = await askThread(bytes);
  addSharedTokens(made!, shared!);
  for (const program of programs) for (const _ of fillSampleMasks(program, made!));
  return made!;
}

async function compile(source: ConstraintSource): Promise<Compiled> {
  if (!isInThread) return { program: compileConstraint(source), prepared: [] };
  const { programs, prepared } = await askThread(source);
  return { program: programs[0]!, prepared: prepared! };
}

/** Answers with new programs; the first answer of each finds no masks of its program. The tree is warmed up. */
async function measure({ name, source, answer }: Case): Promise<Record<string, number | string>> {
  const tokens = tokenizer.encode(answer, { addSpecialTokens: false });
  const mask = new Uint32Array((tokenBytes.length + 31) >>> 5);
  const compileTimes: number[] = [];
  const first: number[] = [];
  const later: number[] = [];
  for (let round = 0; round < Number(values.rounds); round += 1) {
    const startedAt = performance.now();
    const { program, prepared } = await compile(source);
    compileTimes.push(performance.now() - startedAt);
    const masks = createTokenMasks(program, trie);
    masks.add(prepared);
    for (const times of [first, later]) {
      const matcher = createMatcher(masks, []);
      for (const token of tokens) {
        times.push(timeOf(() => matcher.fillMask(mask)) * 1000);
        if (!matcher.accept(token)) throw new Error(`${name}: token ${token} of the answer is not allowed`);
      }
    }
  }
  return {
    name,
    tokens: tokens.length,
    compileMs: quantile(compileTimes, 0.5),
    compileFirstMs: compileTimes[0]!,
    firstMedianUs: quantile(first, 0.5),
    firstP99Us: quantile(first, 0.99),
    firstMostUs: Math.max(...first),
    laterMedianUs: quantile(later, 0.5),
    laterP99Us: quantile(later, 0.99),
  };
}

const vocabSize = tokenBytes.length;
const report = { vocabSize, isInThread, buildMs, warmUpMs, results };
if (values.output !== undefined) writeReport(values.output, "micro/constraint", report);
const columns = [
  ["compile ms", "compileMs", 1],
  ["the first", "compileFirstMs", 1],
  ["first answers: median µs", "firstMedianUs", 0],
  ["p99", "firstP99Us", 0],
  ["most", "firstMostUs", 0],
  ["later: median µs", "laterMedianUs", 0],
  ["p99", "laterP99Us", 0],
] as const;
const rows = results.map((result) => {
  const numbers = columns.map(([, key, digits]) => Number(result[key]).toFixed(digits));
  return [String(result["name"]), String(result["tokens"])].concat(numbers);
});
process.stdout.write(
  values.json
    ? `${JSON.stringify(report)}\n`
    : `tree of ${vocabSize} tokens: ${timeText(buildMs)}; warm-up: ${timeText(warmUpMs)}\n` +
        `${formatTable(["constraint", "tokens", ...columns.map(([title]) => title)], rows)}\n`,
);
