// Loaded into the engine process by NODE_OPTIONS: faults that no input is known to cause, when a test asks.
import { isMainThread } from "node:worker_threads";
import { existsSync, writeFileSync } from "node:fs";
import { serialize } from "node:v8";

/** A request that holds this text kills the engine that gets it. */
const poison = "kill-the-engine-that-reads-this";
/** One that holds this text blocks it for ever. */
const stopper = "block-the-engine-that-reads-this";

const {
  FAULTS_HOLD_START_WHILE: holdFile = "",
  FAULTS_KILLED: killedFile,
  FAULTS_KILL_AT: killAt,
} = process.env;
let eventCount = 0;

/** Kills the engine once it has sent so many events of calls, unless the file says that it or an earlier one was. */
function killAtEvent({ callEvents = [] }) {
  if (killedFile === undefined || existsSync(killedFile)) {
    eventCount = 0;
    return;
  }
  eventCount += callEvents.length;
  if (eventCount < Number(killAt)) return;
  writeFileSync(killedFile, "");
  process.kill(process.pid, "SIGKILL");
}

function block() {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

// Only the engine process has a channel.
if (isMainThread && process.send !== undefined) {
  while (existsSync(holdFile)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  process.on("SIGUSR2", block);
  const send = process.send.bind(process);
  process.send = (message, ...rest) => {
    const isSent = send(message, ...rest);
    killAtEvent(message);
    return isSent;
  };
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
