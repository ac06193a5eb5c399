import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** A daemon in its own process, started as a user starts it. */
export interface DaemonProcess extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** From spawn until `/health/ready` returned 200. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

/** A port that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("expected a port, got none");
  return address.port;
}

const ownCheckout = fileURLToPath(new URL("../../../", import.meta.url));

/**
 * @param checkout the directory of a built checkout of this project. [this one]
 * @param command the daemon with engines, or a gateway. [serve]
 */
export async function startDaemonProcess(
  options: readonly string[],
  checkout: string = ownCheckout,
  command: "serve" | "gateway" = "serve",
): Promise<DaemonProcess> {
  const cli = join(checkout, "packages", "backend", "bin", "infernode.js");
  const port = await findFreePort();
  const startedAt = performance.now();
  const child = spawn(process.execPath, [cli, command, "--port", String(port), ...options], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-4000);
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the daemon exited with ${child.exitCode}: ${errors}`);
    const isReady = await fetch(`${url}/health/ready`).then(
      (response) => response.ok,
      () => false,
    );
    if (isReady) break;
    await sleep(5);
  }
  const readyMs = performance.now() - startedAt;
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await exited;
  };
  return { url, pid: child.pid ?? 0, readyMs, stop, [Symbol.asyncDispose]: stop };
}
