import { onTestFinished } from "vitest";
import { startDaemon, type StartDaemonOptions, type TestDaemon } from "./start-daemon.ts";

/** Starts a daemon that ends with the test that is running. */
export async function startForTest(options: StartDaemonOptions = {}): Promise<TestDaemon> {
  const daemon = await startDaemon(options);
  onTestFinished(() => daemon[Symbol.asyncDispose]());
  return daemon;
}
