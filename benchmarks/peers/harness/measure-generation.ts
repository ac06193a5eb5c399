import { median } from "../../lib/statistics.ts";
import { compareRanks, rankPrompts, requiredShare } from "./agreement.ts";
import { measureBandwidth } from "./bandwidth.ts";
import { openContestant, type Contestant, type Machine, type OpenContestant } from "./contestant.ts";
import { contextTokensOf, promptTokenIds, type GenerationMeasure } from "./measures.ts";
import type { PeerProcess } from "./peer-process.ts";
import type { RankedToken } from "./peer.ts";

/** Values of a measure by contestant, one for each round. */
export type Samples = ReadonlyMap<Contestant, readonly number[]>;

export interface GroupOptions {
  readonly rounds: number;
  readonly withBandwidth: boolean;
  readonly say: (message: string) => void;
}

export interface GroupSamples {
  /** By the names of the measures. */
  readonly samples: ReadonlyMap<string, Samples>;
  /** Bytes per second of the machine, one for each round. */
  readonly bandwidth: readonly number[];
  /** Bytes of all weights in memory, where a contestant knows. */
  readonly weightsBytes: ReadonlyMap<Contestant, number>;
}

/**
 * Opens every contestant, checks that they compute the same network, and measures them in turns. The first round warms
 * up.
 */
export async function measureGroup(
  group: readonly GenerationMeasure[],
  { contestants, machine }: { readonly contestants: readonly Contestant[]; readonly machine: Machine },
  options: GroupOptions,
): Promise<GroupSamples> {
  const { say } = options;
  const { vocabSize } = machine.files.shape;
  const sequenceCount = Math.max(...group.map(({ streamCount }) => streamCount));
  const contextTokens = contextTokensOf(group);
  const entrants: OpenContestant[] = [];
  try {
    for (const contestant of contestants) {
      const entrant = await openContestant(contestant, machine, { sequenceCount, contextTokens });
      entrants.push(entrant);
      say(
        `${contestant.name}: ${entrant.description}; ${sequenceCount} sequences of ${contextTokens} tokens`,
      );
    }
    await assertAgreement(entrants, vocabSize, say);
    return await measureRounds(group, entrants, { machine, options });
  } finally {
    for (const { peer } of entrants) await peer[Symbol.asyncDispose]();
  }
}

async function measureRounds(
  group: readonly GenerationMeasure[],
  entrants: readonly OpenContestant[],
  { machine, options }: { readonly machine: Machine; readonly options: GroupOptions },
): Promise<GroupSamples> {
  const { rounds, withBandwidth, say } = options;
  const { vocabSize } = machine.files.shape;
  const contestants = entrants.map(({ contestant }) => contestant);
  const samples = new Map(
    group.map(({ name }) => [name, new Map(contestants.map((each) => [each, [] as number[]]))]),
  );
  const bandwidth: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    for (const measure of group) {
      for (const { contestant, peer } of entrants) {
        let value = await measureOnce(peer, measure, { vocabSize, round });
        if (contestant.isSerial && measure.streamCount > 1) {
          const single = { ...measure, streamCount: 1 };
          value = Math.max(value, await measureOnce(peer, single, { vocabSize, round }));
        }
        if (round > 0) samples.get(measure.name)!.get(contestant)!.push(value);
      }
    }
    if (withBandwidth && round > 0) bandwidth.push(await measureBandwidth(machine.threads));
  }
  for (const [name, byContestant] of samples) {
    const medians = [...byContestant].map(([{ name: who }, values]) => `${who} ${median(values).toFixed(1)}`);
    say(`${name}: ${medians.join(", ")}`);
  }
  const weightsBytes = new Map<Contestant, number>();
  for (const entrant of entrants) {
    if (entrant.weightsBytes !== undefined) weightsBytes.set(entrant.contestant, entrant.weightsBytes);
  }
  return { samples, bandwidth, weightsBytes };
}

/** Tokens per second. */
async function measureOnce(
  peer: PeerProcess,
  { streamCount, promptTokens, tokenCount, counts }: GenerationMeasure,
  { vocabSize, round }: { readonly vocabSize: number; readonly round: number },
): Promise<number> {
  const prompts = Array.from({ length: streamCount }, (_, stream) =>
    promptTokenIds(vocabSize, promptTokens, round * streamCount + stream),
  );
  const times = await peer.ask({ op: "generate", prompts, tokenCount });
  if (counts === "prompt") return (promptTokens * 1000) / times.firstTokensMs;
  return times.decodeTokensPerSecond ?? Number.NaN;
}

async function assertAgreement(
  entrants: readonly OpenContestant[],
  vocabSize: number,
  say: (message: string) => void,
): Promise<void> {
  const ranks = new Map<OpenContestant, readonly (readonly RankedToken[])[]>();
  for (const entrant of entrants) ranks.set(entrant, await rankPrompts(entrant.peer, vocabSize));
  const isOurs = ({ contestant }: OpenContestant): boolean => contestant.isOurs;
  for (const ours of entrants.filter(isOurs)) {
    for (const theirs of entrants.filter((each) => !isOurs(each))) {
      const { topShare, logprobDifference } = compareRanks(ranks.get(ours)!, ranks.get(theirs)!);
      const required =
        ours.contestant.format === "gguf" && theirs.contestant.format === "gguf"
          ? requiredShare.sameWeights
          : requiredShare.differentWeights;
      const names = `${ours.contestant.name} and ${theirs.contestant.name}`;
      const got = `${(100 * topShare).toFixed(0)} % of the 20 most likely next tokens in common`;
      say(`${names}: ${got}, log-probabilities ${logprobDifference.toFixed(2)} apart`);
      if (topShare < required) throw new Error(`${names}: expected ${100 * required} %, got ${got}`);
    }
  }
}
