// Loaded into the engine process by NODE_OPTIONS: faults that no input is known to cause, when a test asks.
import { isMainThread } from "node:worker_threads";
import { serialize } from "node:v8";

/** A request that holds this text kills the engine that gets it. */
const poison = "kill-the-engine-that-reads-this";

// Only the engine process has a channel.
if (isMainThread && process.send !== undefined) {
  process.on("SIGUSR2", () => {
    for (;;);
  });
  const emit = process.emit.bind(process);
  process.emit = (name, ...values) => {
    if (name === "message" && serialize(values[0]).includes(poison)) process.kill(process.pid, "SIGKILL");
    return emit(name, ...values);
  };
}
