import { findOpenVino } from "./openvino.ts";
import { nodePeer, type PeerCommand } from "../harness/peer-process.ts";
import { findLlamaLibraries } from "../models/llama-quantizer.ts";
import type { ModelFormat } from "../models/prepare-model.ts";
import { level4Directory } from "../models/write-onnx.ts";

/** An engine beside ours: a file in this folder and an entry here. */
export interface PeerEntry {
  readonly name: string;
  readonly format: ModelFormat;
  /** Of its weights, where a peer is there in several; the format by default. */
  readonly mode?: string;
  /** Whether its requests wait for each other: several are a batch, or one after another where that is faster. */
  readonly isSerial?: boolean;
  /** How its process is started, or why it cannot be. */
  readonly resolve: () => Promise<PeerCommand | { readonly missing: string }>;
}

const nodeModule = (name: string, file: string): PeerCommand =>
  nodePeer(name, new URL(file, import.meta.url));

export const ourCommand: PeerCommand = nodeModule("infernode", "infernode.js");

export const peers: readonly PeerEntry[] = [
  {
    name: "node-llama-cpp",
    format: "gguf",
    resolve: async () => {
      const found = findLlamaLibraries();
      return "missing" in found ? found : nodeModule("node-llama-cpp", "node-llama-cpp.js");
    },
  },
  {
    name: "transformers.js",
    format: "onnx",
    isSerial: true,
    resolve: async () => nodeModule("transformers.js", "transformers-js.js"),
  },
  {
    name: "transformers.js-level4",
    format: "onnx",
    mode: level4Directory,
    isSerial: true,
    resolve: async () => nodeModule("transformers.js-level4", "transformers-js.js"),
  },
  {
    name: "openvino",
    format: "safetensors",
    resolve: async () => findOpenVino(process.env),
  },
];
