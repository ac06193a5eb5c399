import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { openRaw, rawPost } from "../../hostile/support/raw-connection.ts";
import { featured } from "./feature-daemon.ts";
import { startRecordingConsul, type ConsulRequest } from "./recording-consul.ts";
import { startDaemon } from "./start-daemon.ts";

const isRegistration = ({ target }: ConsulRequest): boolean => target === "PUT /v1/agent/service/register";

const running = (count: number) => (request: ConsulRequest) =>
  isRegistration(request) && request.body.includes(`"running":"${count}"`);

/** What a Consul is told and asked by a daemon with every setting. */
async function talkToConsul(directory: string) {
  await using consul = await startRecordingConsul(directory);
  const tokenFile = join(directory, "token");
  await writeFile(tokenFile, "of-the-file\n");
  const { url, files } = consul;
  const tls =
    files === undefined
      ? ""
      : ` --consul-ca-file ${files.cert} --consul-cert-file ${files.cert} --consul-key-file ${files.key} --consul-server-name consul.example`;
  const registering =
    "--discovery consul --service-tags gpu,urlprefix-/ --registry-update-interval 100 --consul-ttl 7000 --consul-critical-timeout 61000";
  const reaching = `--consul-url ${url} --consul-token-file ${tokenFile} --consul-datacenter dc7 --consul-namespace team --consul-partition part${tls}`;
  await using daemon = await startDaemon({
    environment: { CONSUL_HTTP_TOKEN: "of-the-environment" },
    args: `${registering} ${reaching}`.split(" "),
  });
  const registration = await consul.waitFor(
    (request) => isRegistration(request) && request.body.includes(`"state":"ready"`),
  );
  await (await fetch(`${daemon.url}/v1/system/registry`)).json();
  const reading = await consul.waitFor(({ target }) => target === "GET /v1/health/service/infernode");
  // The default has its ticks a second apart.
  let gapMs = Number.POSITIVE_INFINITY;
  const body = { model: "infernode-stories", prompt: "a", ignore_eos: true, max_tokens: 900, stream: true };
  for (let attempt = 0; attempt < 20 && gapMs >= 900; attempt += 1) {
    const { socket, waitFor } = await openRaw(daemon.url, rawPost("/v1/completions", body));
    await waitFor("data: ");
    const { atMs } = await consul.waitFor(running(1));
    socket.destroy();
    const ended = await consul.waitFor((request) => running(0)(request) && request.atMs > atMs);
    gapMs = ended.atMs - atMs;
  }
  return { registration, reading, gapMs, hasTls: files !== undefined };
}

/** That the settings of discovery by Consul act. @param createDirectory for files */
export function consulSettingCases(
  createDirectory: () => Promise<string>,
): Readonly<Record<string, () => Promise<void>>> {
  let talk: ReturnType<typeof talkToConsul> | undefined;
  const ask = async (): ReturnType<typeof talkToConsul> => {
    talk ??= talkToConsul(await createDirectory());
    return talk;
  };
  const told = async (): Promise<unknown> => JSON.parse((await ask()).registration.body);
  const expectTls = async (expected: Partial<ConsulRequest>): Promise<void> => {
    const { registration, hasTls } = await ask();
    if (hasTls) expect(registration).toMatchObject(expected);
  };
  return {
    "discovery.tags": async () => {
      const Tags = ["openai", "model-infernode-stories", "gpu", "urlprefix-/"];
      expect(await told()).toMatchObject({ Tags });
    },
    "discovery.updateIntervalMs": async () => {
      expect((await ask()).gapMs).toBeLessThan(900);
    },
    "consul.url": async () => {
      expect(await told()).toMatchObject({ Name: "infernode" });
    },
    "consul.tokenFile": async () => {
      expect((await ask()).registration.headers).toMatchObject({ "x-consul-token": "of-the-file" });
    },
    "consul.datacenter": async () => {
      expect((await ask()).reading.query.get("dc")).toBe("dc7");
    },
    "consul.namespace": async () => {
      expect((await ask()).reading.headers).toMatchObject({ "x-consul-namespace": "team" });
    },
    "consul.partition": async () => {
      expect((await ask()).reading.query.get("partition")).toBe("part");
    },
    "consul.caFile": () => expectTls({ target: "PUT /v1/agent/service/register" }),
    "consul.certFile": () => expectTls({ isAuthorized: true }),
    "consul.keyFile": () => expectTls({ isAuthorized: true }),
    "consul.serverName": () => expectTls({ serverName: "consul.example" }),
    "consul.ttlMs": async () => {
      expect(await told()).toMatchObject({ Check: { TTL: "7000ms" } });
    },
    "consul.criticalTimeoutMs": async () => {
      expect(await told()).toMatchObject({ Check: { DeregisterCriticalServiceAfter: "61000ms" } });
    },
  };
}

interface Registry {
  readonly instances: unknown;
}

/** That the settings of listed daemons act. */
export const staticSettingCases: Readonly<Record<string, () => Promise<void>>> = {
  "discovery.daemons": async () => {
    const { url } = await featured();
    const { instances } = (await (await fetch(`${url}/v1/system/registry`)).json()) as Registry;
    const passing = { name: "infernode", address: "127.0.0.1", state: "passing" };
    expect(instances).toContainEqual(expect.objectContaining({ ...passing, metadata: { protocol: "http" } }));
  },
  "discovery.checkIntervalMs": async () => {
    const times = await (await featured()).listedTimesMs;
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    // The default has them a second apart.
    expect(Math.min(...gaps)).toBeLessThan(900);
  },
};
