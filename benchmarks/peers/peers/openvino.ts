import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { PeerCommand } from "../harness/peer-process.ts";

// Not built: next to the source of this file.
const script = fileURLToPath(new URL("../../../peers/peers/openvino_peer.py", import.meta.url));

/** Finds a Python that has OpenVINO. */
export function findOpenVino(
  environment: Readonly<Record<string, string | undefined>>,
): PeerCommand | { readonly missing: string } {
  const python = environment["INFERNODE_OPENVINO_PYTHON"] ?? "python3";
  const { status } = spawnSync(python, ["-c", "import numpy, openvino"], { stdio: "ignore" });
  if (status === 0) return { name: "openvino", command: [python, script] };
  return { missing: `${python} cannot import openvino; set INFERNODE_OPENVINO_PYTHON to one that can` };
}
