import { onTestFinished } from "vitest";
import type { TestDaemon } from "./start-daemon.ts";

/**
 * Stops the engine process, so that nothing ends meanwhile, however fast the machine is; returns what continues it. It
 * is continued at the end of the test, too: a stopped process would outlive its daemon.
 */
export function pauseEngine(daemon: TestDaemon): () => void {
  const pid = daemon.enginePid();
  process.kill(pid, "SIGSTOP");
  const resume = (): void => void process.kill(pid, "SIGCONT");
  onTestFinished(() => {
    try {
      resume();
    } catch {
      // It has ended.
    }
  });
  return resume;
}
