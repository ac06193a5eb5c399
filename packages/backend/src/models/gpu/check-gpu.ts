import { type ChildProcess, fork } from "node:child_process";
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

/** Options of a check. Defaults in brackets. */
export interface CheckGpuOptions {
  /** [false] */
  readonly measuresCopies?: boolean;
  /** Longer than the kernels have, with time for the driver to start. [180,000] */
  readonly timeoutMs?: number;
  /** Ends the check. */
  readonly signal?: AbortSignal | undefined;
  /** What is run. [the process of this package] */
  readonly entry?: URL;
}

const outputLength = 2000;

/**
 * Checks the GPU with a number or UUID in a process of its own, so that a driver that crashes or hangs ends that process
 * only. It is killed after `timeoutMs`, and not waited for: a process in a driver's call may not end. Never rejects.
 */
export function checkGpu(device: string, options: CheckGpuOptions = {}): Promise<GpuCheck> {
  const { measuresCopies = false, timeoutMs = 180_000, signal } = options;
  const { entry = new URL("./check-gpu-process.js", import.meta.url) } = options;
  return new Promise((resolve) => {
    const fail = (how: string): void => {
      const problem = `the check ${how}`;
      resolve({ device, isStandIn: false, kernels: [], copies: undefined, problem });
    };
    let child: ChildProcess;
    try {
      child = fork(fileURLToPath(entry), [device, ...(measuresCopies ? ["--copies"] : [])], {
        serialization: "advanced",
        stdio: ["ignore", "ignore", "pipe", "ipc"],
        execArgv: [],
      });
    } catch (error) {
      return fail(`could not be started: ${error instanceof Error ? error.message : String(error)}`);
    }
    let output = "";
    const stop = (how: string): void => {
      fail(how);
      child.kill("SIGKILL");
      child.unref();
      child.channel?.unref();
    };
    const onAbort = (): void => stop("was stopped");
    const timer = setTimeout(() => stop(`did not end within ${timeoutMs} ms`), timeoutMs);
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    child.stderr
      ?.setEncoding("utf8")
      .on("data", (text: string) => (output = (output + text).slice(-outputLength)));
    child.on("message", (message) => resolve((message as GpuCheckMessage).check));
    child.on("error", (error) => {
      end();
      fail(`could not be started: ${error.message}`);
    });
    child.on("close", (exitCode, killedBy) => {
      end();
      const said = lastWords(output);
      fail(`ended with ${killedBy ?? exitCode}${said === "" ? "" : `: ${said}`}`);
    });
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener("abort", onAbort);
  });
}

/** The last line that names an error, or else the last one. */
function lastWords(output: string): string {
  const lines = output.trim().split("\n");
  return lines.findLast((line) => line.includes("Error")) ?? lines.at(-1) ?? "";
}
