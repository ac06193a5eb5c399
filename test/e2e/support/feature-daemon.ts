import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { slowMachine } from "../../hostile/support/slow-machine.ts";
import { startDaemon, type TestDaemon } from "./start-daemon.ts";

/** A daemon of the bundled model with settings that do not disturb each other. */
export interface FeatureDaemon extends TestDaemon {
  /** Of the store. */
  readonly storeFile: string;
  /** When the daemon that it lists was asked, six times. */
  readonly listedTimesMs: Promise<readonly number[]>;
}

/** A daemon that lists one model. */
async function startListed() {
  const times: number[] = [];
  const model = { name: "any", address: "10.0.0.5", port: 1, tags: [], state: "passing", metadata: {} };
  const server = createServer((_, response) => {
    times.push(performance.now());
    response.end(JSON.stringify({ services: [{ ...model, id: "any" }] }));
    if (times.length === 6) server.emit("enough");
  }).listen(0, "127.0.0.1");
  const timesMs = once(server, "enough").then(() => times);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    timesMs,
    end: () => {
      server.close().closeAllConnections();
    },
  };
}

async function start(): Promise<FeatureDaemon> {
  const [directory, listed] = await Promise.all([
    mkdtemp(join(tmpdir(), "infernode-features-")),
    startListed(),
  ]);
  const storeFile = join(directory, "kept.db");
  const values = {
    "write-timeout": "150",
    "session-idle-timeout": "300",
    "step-time": "1",
    "stream-interval": "4",
    speculation: "ngram",
    "speculation-tokens": "3",
    store: storeFile,
    "store-limit": "200KiB",
    "store-retention": "48",
    discovery: "static",
    "discovery-daemons": listed.url,
    "discovery-check-interval": "100",
  };
  const args = Object.entries(values).flatMap(([name, value]) => [`--${name}`, value]);
  const daemon = await startDaemon({ args: ["--lenient", ...args], environment: slowMachine });
  return {
    ...daemon,
    storeFile,
    listedTimesMs: listed.timesMs,
    [Symbol.asyncDispose]: async () => {
      await daemon[Symbol.asyncDispose]();
      listed.end();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

let daemon: Promise<FeatureDaemon> | undefined;

/** One daemon for all cases. */
export const featured = (): Promise<FeatureDaemon> => (daemon ??= start());

/** Ends what the cases share. */
export async function endFeatureCases(): Promise<void> {
  await (await daemon)?.[Symbol.asyncDispose]();
}
