import type { TestDaemon } from "./start-daemon.ts";

/** Resolves when the daemon has read what was sent before: it reads its connections in the order of their bytes. */
export async function untilRead(daemon: TestDaemon): Promise<void> {
  for (let round = 0; round < 5; round += 1) await (await fetch(`${daemon.url}/health/live`)).text();
}
