// Loaded into the engine process by NODE_OPTIONS: faults that no input is known to cause, when a test asks.
import { isMainThread } from "node:worker_threads";
import { serialize } from "node:v8";

/** A request that holds this text kills the engine that gets it. */
const poison = "kill-the-engine-that-reads-this";
/** One that holds this text blocks it for ever. */
const stopper = "block-the-engine-that-reads-this";

function block() {
  for (;;);
}

// Only the engine process has a channel.
if (isMainThread && process.send !== undefined) {
  process.on("SIGUSR2", block);
  const emit = process.emit.bind(process);
  process.emit = (name, ...values) => {
    if (name === "message") {
      const bytes = serialize(values[0]);
      if (bytes.includes(poison)) process.kill(process.pid, "SIGKILL");
      if (bytes.includes(stopper)) block();
    }
    return emit(name, ...values);
  };
}
