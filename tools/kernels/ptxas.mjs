// NVIDIA's assembler, where it is at hand: does the PTX assemble, and how many registers do kernels take? Its output is
// not kept.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const chips = ["sm_80", "sm_86", "sm_89", "sm_90", "sm_120"];

/** Finds ptxas: `{ path, version }`, or `{ reason }`. */
export function findPtxas() {
  const path = process.env.PTXAS ?? "ptxas";
  const { status, stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
  const version = /release (\d+\.\d+)/u.exec(stdout ?? "")?.[1];
  if (status === 0 && version !== undefined) return { path, version };
  return { reason: `expected ptxas (the wheel nvidia-cuda-nvcc-cu12, or PTXAS=path), got none` };
}

/** Assembles PTX for one chip; returns registers and bytes of spills by kernel. */
export function assemble(ptxas, ptx, chip) {
  const folder = mkdtempSync(join(tmpdir(), "infernode-ptxas-"));
  writeFileSync(join(folder, "in.ptx"), ptx);
  const args = ["-v", `-arch=${chip}`, "-o", join(folder, "out.cubin"), join(folder, "in.ptx")];
  const { status, stderr, stdout } = spawnSync(ptxas, args, { encoding: "utf8" });
  rmSync(folder, { recursive: true });
  if (status !== 0) throw new Error(`ptxas failed for ${chip}: ${stderr || stdout}`);
  const kernels = new Map();
  let name = "";
  for (const line of `${stdout}\n${stderr}`.split("\n")) {
    name = /Compiling entry function '([^']+)'/u.exec(line)?.[1] ?? name;
    const spills = /(\d+) bytes spill stores/u.exec(line)?.[1];
    if (spills !== undefined) kernels.set(name, { registers: 0, spillBytes: Number(spills) });
    const registers = /Used (\d+) registers/u.exec(line)?.[1];
    if (registers !== undefined) {
      kernels.set(name, { spillBytes: 0, ...kernels.get(name), registers: Number(registers) });
    }
  }
  return kernels;
}
