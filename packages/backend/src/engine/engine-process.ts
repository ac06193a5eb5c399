import { createEngineCore } from "./create-engine-core.ts";
import { createEngineHost } from "./engine-host.ts";
import { isDaemonMessage } from "./protocol.ts";

// The entry of the engine process. It lives and ends with the daemon's channel: Ctrl-C and a stop of the
// whole process group reach this process too, and must not end it before the daemon has drained.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);

if (process.send === undefined) {
  process.stderr.write("infernode: this file is started by the daemon; run `infernode serve`\n");
  process.exit(2);
}

process.title = "infernode-engine";

const host = createEngineHost({
  createCore: createEngineCore,
  send: (message, onSent) => {
    if (process.connected) process.send?.(message, undefined, undefined, onSent);
    else onSent();
  },
  onShutdown: (exitCode) => process.exit(exitCode),
});

process.on("message", (message) => {
  if (isDaemonMessage(message)) host.receive(message);
  else process.stderr.write("infernode: an unknown message came from the daemon\n");
});

process.on("disconnect", () => {
  // A forward that never ends must not keep an engine without a daemon alive.
  setTimeout(() => process.exit(1), 3000).unref();
  void host.shutdown(0);
});
