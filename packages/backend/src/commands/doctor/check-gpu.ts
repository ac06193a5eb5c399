import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { CopySpeed, KernelCheck } from "@infernode/inference/cuda";

/** What the kernels compute on a GPU, and how fast its memory is. */
export interface GpuCheck {
  readonly device: string;
  /** Whether it is the processor, as the tests have it in place of a GPU. */
  readonly isStandIn: boolean;
  /** Of every kernel, whether it computes the stored values. */
  readonly kernels: readonly KernelCheck[];
  /** Copies within its memory; not of a stand-in, where it would be the host's. */
  readonly copies: CopySpeed | undefined;
  /** Why something is missing. */
  readonly problem: string | undefined;
}

/** What the process of a check sends. */
export type GpuCheckMessage = { readonly check: GpuCheck };

/** Longer than the check of the kernels takes at most, with time for the driver to compile them. */
const limitMs = 90_000;

/**
 * Checks the GPU with a number or UUID in a process of its own, so that a driver that crashes or hangs ends that process
 * only; it is killed after `timeoutMs`. Never rejects.
 */
export function checkGpu(device: string, timeoutMs: number = limitMs): Promise<GpuCheck> {
  const failed = (problem: string): GpuCheck => ({
    device,
    isStandIn: false,
    kernels: [],
    copies: undefined,
    problem,
  });
  return new Promise((resolve) => {
    const child = fork(fileURLToPath(new URL("./check-gpu-process.js", import.meta.url)), [device], {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      execArgv: [],
    });
    let output = "";
    let received: GpuCheck | undefined;
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, timeoutMs);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (output = (output + text).slice(-2000)));
    child.on("message", (message) => (received = (message as GpuCheckMessage).check));
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve(failed(`the check could not be started: ${error.message}`));
    });
    child.on("close", (exitCode, signal) => {
      clearTimeout(timer);
      const how = isLate ? `did not end within ${timeoutMs} ms` : `ended with ${signal ?? exitCode}`;
      const last = output.trim().split("\n").at(-1) ?? "";
      resolve(received ?? failed(`the check ${how}${last === "" ? "" : `: ${last}`}`));
    });
  });
}
