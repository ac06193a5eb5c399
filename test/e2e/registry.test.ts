import { createConsulDiscovery } from "@infernode/discovery/consul";
import { describe, expect, onTestFinished, test } from "vitest";
import { consulServers } from "../../packages/discovery/test/support/consul-servers.ts";
import { untilList } from "../../packages/discovery/test/support/watching.ts";
import { pauseEngine } from "./support/pause-engine.ts";
import { startDaemon } from "./support/start-daemon.ts";

describe.each(consulServers)("daemons over $name", ({ start }) => {
  test("a hung engine and a killed daemon turn critical, each on its own", async () => {
    const consul = await start();
    onTestFinished(() => consul[Symbol.asyncDispose]());
    const reader = createConsulDiscovery({ url: consul.url });
    onTestFinished(() => reader.dispose());
    const args = ["--discovery", "consul", "--consul-url", consul.url, "--consul-ttl", "1000"];
    await using hung = await startDaemon({ args });
    await using killed = await startDaemon({ args });
    const untilStates = (ofHung: string, ofKilled: string): Promise<unknown> =>
      untilList(reader, "infernode", (list) => {
        const states = new Map(list.map(({ port, state }) => [`http://127.0.0.1:${port}`, state]));
        return states.get(hung.url) === ofHung && states.get(killed.url) === ofKilled;
      });

    await untilStates("passing", "passing");
    const resume = pauseEngine(hung);
    await untilStates("critical", "passing");
    expect((await fetch(`${hung.url}/health/live`)).status).toBe(200);
    resume();
    await untilStates("passing", "passing");
    killed.signal("SIGKILL");
    await untilStates("passing", "critical");
  });
});
