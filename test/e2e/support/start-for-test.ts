import { onTestFinished } from "vitest";
import { makeEndlessModel } from "./make-endless-model.ts";
import { startDaemon, type StartDaemonOptions, type TestDaemon } from "./start-daemon.ts";

/** Starts a daemon that ends with the test that is running. */
export async function startForTest(options: StartDaemonOptions = {}): Promise<TestDaemon> {
  const daemon = await startDaemon(options);
  onTestFinished(() => daemon[Symbol.asyncDispose]());
  return daemon;
}

/** Starts a daemon whose model, `endless`, answers for many seconds; both end with the test that is running. */
export async function startEndless(options: StartDaemonOptions = {}): Promise<TestDaemon> {
  const endless = await makeEndlessModel(65_536);
  onTestFinished(() => endless[Symbol.asyncDispose]());
  return startForTest({ ...options, args: ["--model", endless.directory, ...(options.args ?? [])] });
}
