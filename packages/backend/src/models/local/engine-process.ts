import { createEngineHost } from "./engine-host.ts";
import { packMessage } from "./packed-message.ts";
import type { DaemonMessage } from "./protocol.ts";
import { watchParent } from "../parent-watch.ts";
import { isSerializedMessage, deserializeMessage } from "./serialized-message.ts";
import { generate } from "../../operations/generate.ts";
import type { EngineCore } from "../engine/engine-core.ts";

/** Generates two tokens, a prefill and a decode step. No request can be the cause of a crash here. */
async function runSelfTest(core: EngineCore): Promise<void> {
  const request = {
    id: "proof",
    prompt: { kind: "tokens", tokenIds: [0] },
    stopping: { maxTokens: 2, ignoreEos: true },
  } as const;
  for await (const _ of core.call(generate.name, request, new AbortController().signal));
}

// The entry of the engine process. It exits when its channel to the daemon closes. Signals to the whole process group,
// such as Ctrl-C, must not end it before the daemon has drained.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);

if (process.send === undefined) {
  process.stderr.write(
    "infernode: expected to be started by the daemon, got no channel to it; run `infernode serve`\n",
  );
  process.exit(2);
}

process.title = "infernode-engine";
// Lines of the daemon's log: the listener of Node.js adds the process id and a hint for developers.
process.removeAllListeners("warning").on("warning", ({ message }) => process.stderr.write(`${message}\n`));
watchParent();

// Node.js opens all modules of an import at once. One package after the other, an engine also starts where few files
// may be open.
await import("@infernode/models");
await import("@infernode/inference");
const { createEngineCore } = await import("../engine/create-engine-core.ts");

const host = createEngineHost({
  createCore: createEngineCore,
  send: (message, onSent) => {
    if (process.connected) process.send?.(packMessage(message), undefined, undefined, onSent);
    else onSent();
  },
  selfTest: runSelfTest,
  onShutdown: (exitCode) => process.exit(exitCode),
});

process.on("message", (serialized) => {
  if (!isSerializedMessage(serialized)) {
    process.stderr.write("infernode: expected a serialized message from the daemon, got another one\n");
    return;
  }
  let message: DaemonMessage;
  try {
    message = deserializeMessage(serialized);
  } catch (error) {
    host.refuse(serialized.callId, error);
    return;
  }
  host.receive(message);
});

process.on("disconnect", () => {
  // A forward that never ends must not keep this process alive.
  setTimeout(() => process.kill(process.pid, "SIGKILL"), 3000).unref();
  void host.shutdown(0);
});
