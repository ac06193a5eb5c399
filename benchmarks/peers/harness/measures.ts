/** What is generated for a measure, and in which engine. */
export interface GenerationMeasure {
  readonly name: string;
  readonly streamCount: number;
  readonly promptTokens: number;
  readonly tokenCount: number;
  /** The tokens of prompts, or of answers, are counted per second. */
  readonly counts: "prompt" | "answer";
}

const decode = (name: string, streamCount: number, promptTokens: number): GenerationMeasure => ({
  name,
  streamCount,
  promptTokens,
  // Streams begin one after another; all decode together at the end.
  tokenCount: streamCount === 1 ? 33 : 48 + 2 * streamCount,
  counts: "answer",
});
const prefill = (promptTokens: number): GenerationMeasure => ({
  name: `prefill@${promptTokens}`,
  streamCount: 1,
  promptTokens,
  tokenCount: 1,
  counts: "prompt",
});

/** Measures in tokens per second. */
const generationMeasures: readonly GenerationMeasure[] = [
  decode("decode@128", 1, 128),
  decode("decode@512", 1, 512),
  prefill(512),
  prefill(2048),
  decode("streams@8", 8, 128),
  decode("streams@16", 16, 128),
];

/** Measures of processes that are started for them. */
const processMeasures = ["load", "memory", "first-load"] as const;

export const measureNames: readonly string[] = [
  ...generationMeasures.map(({ name }) => name),
  ...processMeasures,
  "bandwidth",
];

/** Measures that share an engine: with as many sequences as they need, since idle ones cost memory and time. */
export function groupMeasures(names: ReadonlySet<string>): readonly (readonly GenerationMeasure[])[] {
  const groups = new Map<number, GenerationMeasure[]>();
  for (const measure of generationMeasures.filter(({ name }) => names.has(name))) {
    const group = groups.get(measure.streamCount) ?? [];
    group.push(measure);
    groups.set(measure.streamCount, group);
  }
  return [...groups.values()];
}

/** The context that the measures of a group need. */
export function contextTokensOf(group: readonly GenerationMeasure[]): number {
  const longest = Math.max(...group.map(({ promptTokens, tokenCount }) => promptTokens + tokenCount));
  return Math.ceil((longest + 1) / 256) * 256;
}

/** Token ids of a prompt, the same for all peers, without special tokens. */
export function promptTokenIds(vocabSize: number, length: number, seed: number): readonly number[] {
  const first = 300;
  return Array.from(
    { length },
    (_, at) => first + ((at * 7919 * (2 * seed + 1) + seed * 104_729) % (vocabSize - first)),
  );
}
