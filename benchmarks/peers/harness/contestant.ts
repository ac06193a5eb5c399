import type { ModelFiles } from "../models/prepare-model.ts";
import type { PeerSetup } from "./peer.ts";
import { startPeer, type PeerCommand, type PeerProcess } from "./peer-process.ts";

/** An engine in the comparison, ours in one mode or a peer. */
export interface Contestant {
  readonly name: string;
  readonly isOurs: boolean;
  /** Several requests may be faster one after another. */
  readonly isSerial: boolean;
  readonly command: PeerCommand;
  /** Of the weights. */
  readonly mode: string;
}

/** What all contestants are opened with. */
export interface Machine {
  readonly files: ModelFiles;
  readonly threads: number;
  readonly cacheDirectory: string;
}

/** Starts the process of a contestant and loads the model. */
export async function openContestant(
  { command, mode }: Contestant,
  { files, threads, cacheDirectory }: Machine,
  sizes: Pick<PeerSetup, "sequenceCount" | "contextTokens">,
): Promise<{ readonly peer: PeerProcess; readonly description: string }> {
  const peer = startPeer(command);
  const { directory, ggufPath, onnxDirectory } = files;
  const setup = { directory, ggufPath, onnxDirectory, mode, cacheDirectory, threads, ...sizes };
  const { description } = await peer.ask({ op: "open", setup });
  return { peer, description };
}
