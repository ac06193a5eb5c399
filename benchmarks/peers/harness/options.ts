import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { quantizationRecipes } from "@infernode/models";
import { shapes, type Shape } from "../models/shapes.ts";
import { peers, type PeerEntry } from "../peers/registry.ts";
import { measureNames } from "./measures.ts";

/** What `peers` measures. */
export interface PeersOptions {
  readonly shapes: readonly Shape[];
  /** Of our weights. */
  readonly modes: readonly string[];
  readonly peers: readonly PeerEntry[];
  readonly measureNames: ReadonlySet<string>;
  readonly rounds: number;
  readonly threads: number;
  /** Of generated models. */
  readonly cacheDirectory: string;
  readonly jsonPath: string | undefined;
}

const quick = { shapes: "small-60m", rounds: "2", leftOut: ["prefill@2048", "streams@16"] };
const whole = { shapes: "tinyllama-1.1b,qwen2.5-0.5b,llama-3.2-1b", rounds: "5", leftOut: [] as string[] };
const shapeNames = shapes.map(({ name }) => name);
const peerNames = peers.map(({ name }) => name);
const modeNames = [...Object.keys(quantizationRecipes), "none", "auto", "gguf"].flatMap((mode) => [
  mode,
  `${mode}+kv8`,
]);

const help = `options:
  --quick             one small shape, 2 rounds
  --shape a,b         ${shapeNames.join(", ")}; ${whole.shapes}
  --mode int4,auto    how our weights are quantized, as --quantize; gguf loads the file of llama.cpp;
                      with +kv8, a KV cache of 8 bits; int4
  --gguf              the same as --mode gguf
  --peer a,b          ${peerNames.join(", ")}; all that are there
  --measure a,b       ${measureNames.join(", ")}; all
  --rounds 5          rounds of each measure, after one that warms up
  --threads 2         of each engine
  --cache <folder>    of generated models (some GB); ~/.cache/infernode/peers
  --json <file>       writes the measures
`;

/** Parses the command line of `peers`; or its help. @throws Error with a message for the user */
export function parsePeersOptions(args: readonly string[]): PeersOptions | { readonly help: string } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      shape: { type: "string" },
      mode: { type: "string", default: "int4" },
      gguf: { type: "boolean", default: false },
      peer: { type: "string", default: peerNames.join(",") },
      measure: { type: "string" },
      rounds: { type: "string" },
      threads: { type: "string", default: "2" },
      cache: { type: "string", default: join(homedir(), ".cache", "infernode", "peers") },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return { help };
  const defaults = values.quick ? quick : whole;
  const measures = measureNames.filter((name) => !defaults.leftOut.includes(name));
  return {
    shapes: parseList("shape", values.shape ?? defaults.shapes, shapeNames).map((each) =>
      shapes.find(({ name }) => name === each)!,
    ),
    modes: parseList("mode", values.gguf ? "gguf" : values.mode, modeNames),
    peers: parseList("peer", values.peer, peerNames).map((each) => peers.find(({ name }) => name === each)!),
    measureNames: new Set(parseList("measure", values.measure ?? measures.join(","), measureNames)),
    rounds: parseCount("rounds", values.rounds ?? defaults.rounds),
    threads: parseCount("threads", values.threads),
    cacheDirectory: values.cache,
    jsonPath: values.json,
  };
}

function parseList(option: string, text: string, allowed: readonly string[]): readonly string[] {
  const given = text.split(",");
  const unknown = given.find((each) => !allowed.includes(each));
  if (unknown === undefined) return given;
  throw new Error(`--${option}: expected some of ${allowed.join(", ")}, got '${unknown}'`);
}

function parseCount(option: string, text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
  throw new Error(`--${option}: expected an integer from 1 to 999, got '${text}'`);
}
