import { join } from "node:path";
import { prepareModelFiles } from "../models/prepare-model.ts";
import type { Shape } from "../models/shapes.ts";
import { ourCommand } from "../peers/registry.ts";
import type { Contestant, Machine } from "./contestant.ts";
import { measureGroup } from "./measure-generation.ts";
import { measureFirstLoad, measureProcess, type ProcessSample } from "./measure-processes.ts";
import { groupMeasures } from "./measures.ts";
import type { PeersOptions } from "./options.ts";
import { summarize, type PeerMeasure } from "./results.ts";

export interface ComparisonOptions extends Omit<PeersOptions, "shapes" | "jsonPath"> {
  readonly shape: Shape;
  readonly say: (message: string) => void;
  /** Called as soon as measures are complete. */
  readonly onMeasures: (measures: readonly PeerMeasure[]) => void;
}

/** As our engine holds what a file has in these types: blocks with a scale in float32. */
const bytesPerValue = { BF16: 2, Q4_0: 1 / 2 + 4 / 32, Q6_K: 1 + 4 / 16, Q8_0: 1 + 4 / 32 };

/** All measures of one shape: ours in each mode beside each peer. */
export async function comparePeers(options: ComparisonOptions): Promise<void> {
  const { shape, measureNames, rounds, threads, cacheDirectory, say, onMeasures } = options;
  const contestants = await findContestants(options);
  const formats = new Set(contestants.map(({ format }) => format));
  const files = await prepareModelFiles(cacheDirectory, shape, { formats, say });
  const machine: Machine = { files, threads, cacheDirectory: join(cacheDirectory, "weights") };
  for (const group of groupMeasures(measureNames)) {
    const withBandwidth = measureNames.has("bandwidth") && group.some(({ name }) => name === "decode@128");
    const setting = { rounds, withBandwidth, say };
    const { samples, bandwidth, weightsBytes } = await measureGroup(group, { contestants, machine }, setting);
    for (const [name, byContestant] of samples) {
      onMeasures(pair(byContestant, { name, unit: "tokens/s", shape: shape.name, isLowerBetter: false }));
    }
    if (!withBandwidth) continue;
    for (const [contestant, rates] of samples.get("decode@128")!) {
      if (!contestant.isOurs) continue;
      const bytes = (weightsBytes.get(contestant) ?? Number.NaN) - embeddingBytes(shape, contestant);
      const share = {
        ours: rates.map((rate) => (rate * bytes) / 1e9),
        theirs: bandwidth.map((each) => each / 1e9),
      };
      const named = { name: "bandwidth", peer: "the machine", unit: "GB/s", shape: shape.name };
      onMeasures([{ ...named, mode: contestant.mode, ...summarize(share, false) }]);
    }
  }
  if (measureNames.has("load") || measureNames.has("memory")) {
    onMeasures(await compareProcesses(contestants, machine, options));
  }
  if (measureNames.has("first-load")) {
    for (const contestant of contestants.filter(({ isOurs, mode }) => isOurs && !mode.startsWith("none"))) {
      const seconds = await measureFirstLoad(contestant, machine);
      const { mode } = contestant;
      const named = { name: "first-load", peer: "none", unit: "s", shape: shape.name, mode };
      onMeasures([{ ...named, ours: seconds, theirs: Number.NaN, ratio: Number.NaN }]);
    }
  }
}

async function findContestants({ modes, peers, say }: ComparisonOptions): Promise<readonly Contestant[]> {
  const contestants: Contestant[] = modes.map((mode) => ({
    name: `infernode ${mode}`,
    isOurs: true,
    isSerial: false,
    command: ourCommand,
    format: mode.startsWith("gguf") ? "gguf" : "safetensors",
    mode,
  }));
  for (const { name, format, mode = format, isSerial = false, resolve } of peers) {
    const command = await resolve();
    if ("missing" in command) say(`${name} is skipped: ${command.missing}`);
    else contestants.push({ name, isOurs: false, isSerial, command, format, mode });
  }
  return contestants;
}

async function compareProcesses(
  contestants: readonly Contestant[],
  machine: Machine,
  { measureNames, rounds, say }: ComparisonOptions,
): Promise<readonly PeerMeasure[]> {
  const samples = new Map<Contestant, ProcessSample[]>(contestants.map((each) => [each, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const contestant of contestants) {
      const sample = await measureProcess(contestant, machine);
      if (round > 0) samples.get(contestant)!.push(sample);
    }
  }
  const valuesOf = (value: (sample: ProcessSample) => number): Map<Contestant, number[]> =>
    new Map([...samples].map(([contestant, each]) => [contestant, each.map(value)]));
  const shape = machine.files.shape.name;
  const load = valuesOf(({ loadMs }) => loadMs / 1000);
  const memory = valuesOf(({ peakBytes }) => peakBytes / 2 ** 20);
  for (const { name } of contestants) say(`${name}: started ${rounds} times`);
  return [
    ...(measureNames.has("load") ? pair(load, { name: "load", unit: "s", shape, isLowerBetter: true }) : []),
    ...(measureNames.has("memory")
      ? pair(memory, { name: "memory", unit: "MiB", shape, isLowerBetter: true })
      : []),
  ];
}

/** Each of ours beside each peer. */
function pair(
  samples: ReadonlyMap<Contestant, readonly number[]>,
  {
    isLowerBetter,
    ...named
  }: Pick<PeerMeasure, "name" | "unit" | "shape"> & { readonly isLowerBetter: boolean },
): readonly PeerMeasure[] {
  const measures: PeerMeasure[] = [];
  for (const [{ isOurs, mode }, ours] of samples) {
    if (!isOurs) continue;
    for (const [{ isOurs: isOther, name: peer }, theirs] of samples) {
      if (isOther) continue;
      measures.push({ ...named, peer, mode, ...summarize({ ours, theirs }, isLowerBetter) });
    }
  }
  return measures;
}

/** Bytes of the embedding in memory, of which a token needs a row. */
function embeddingBytes({ vocabSize, hiddenSize, isHeadTied }: Shape, { format }: Contestant): number {
  const valueCount = vocabSize * hiddenSize;
  if (format !== "gguf") return valueCount * bytesPerValue.BF16;
  if (!isHeadTied) return valueCount * bytesPerValue.Q4_0;
  return valueCount * (hiddenSize % 256 === 0 ? bytesPerValue.Q6_K : bytesPerValue.Q8_0);
}
