import type { ModelFiles, ModelFormat } from "../models/prepare-model.ts";
import type { PeerAnswers, PeerSetup } from "./peer.ts";
import { startPeer, type PeerCommand, type PeerProcess } from "./peer-process.ts";

/** An engine in the comparison, ours in one mode or a peer. */
export interface Contestant {
  readonly name: string;
  readonly isOurs: boolean;
  /** Several requests may be faster one after another. */
  readonly isSerial: boolean;
  readonly command: PeerCommand;
  readonly format: ModelFormat;
  /** Of our weights; of a peer's, its format. */
  readonly mode: string;
}

/** What all contestants are opened with. */
export interface Machine {
  readonly files: ModelFiles;
  readonly threads: number;
  readonly cacheDirectory: string;
}

/** A process that has loaded the model. */
export type OpenContestant = PeerAnswers["open"] & {
  readonly peer: PeerProcess;
  readonly contestant: Contestant;
};

/** Starts the process of a contestant and loads the model. */
export async function openContestant(
  contestant: Contestant,
  { files, threads, cacheDirectory }: Machine,
  sizes: Pick<PeerSetup, "sequenceCount" | "contextTokens">,
): Promise<OpenContestant> {
  const { command, mode } = contestant;
  const peer = startPeer(command);
  const { directory, ggufPath, onnxDirectory } = files;
  const setup = { directory, ggufPath, onnxDirectory, mode, cacheDirectory, threads, ...sizes };
  try {
    return { peer, contestant, ...(await peer.ask({ op: "open", setup })) };
  } catch (error) {
    await peer[Symbol.asyncDispose]();
    throw error;
  }
}
