import { createEngineCore } from "../engine/create-engine-core.ts";
import { createEngineHost } from "./engine-host.ts";
import type { DaemonMessage } from "./protocol.ts";
import { watchParent } from "./parent-watch.ts";
import { isSerializedMessage, deserializeMessage } from "./serialized-message.ts";
import { generate } from "../../operations/generate.ts";
import type { EngineCore } from "../engine/engine-core.ts";

/**
 * Generates two tokens, a prefill and a step. A crash here is the engine's own: it has no request yet that could
 * be the cause.
 */
async function runSelfTest(core: EngineCore): Promise<void> {
  const request = {
    id: "proof",
    prompt: { kind: "tokens", tokenIds: [0] },
    stopping: { maxTokens: 2, ignoreEos: true },
  } as const;
  for await (const _ of core.call(generate.name, request, new AbortController().signal));
}

// The entry of the engine process. It lives and ends with the daemon's channel: Ctrl-C and a stop of the
// whole process group reach this process too, and must not end it before the daemon has drained.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);

if (process.send === undefined) {
  process.stderr.write("infernode: this file is started by the daemon; run `infernode serve`\n");
  process.exit(2);
}

process.title = "infernode-engine";
watchParent();

const host = createEngineHost({
  createCore: createEngineCore,
  send: (message, onSent) => {
    if (process.connected) process.send?.(message, undefined, undefined, onSent);
    else onSent();
  },
  selfTest: runSelfTest,
  onShutdown: (exitCode) => process.exit(exitCode),
});

process.on("message", (serialized) => {
  if (!isSerializedMessage(serialized)) {
    process.stderr.write("infernode: an unknown message came from the daemon\n");
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
  // A forward that never ends must not keep an engine without a daemon alive.
  setTimeout(() => process.kill(process.pid, "SIGKILL"), 3000).unref();
  void host.shutdown(0);
});
