import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { findConsul, startConsulAgent } from "../../packages/discovery/test/support/consul-agent.ts";
import { freePort } from "../hostile/support/spawn-daemon.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";

// The examples of other gateways, run as their page says. All programs are the real ones; a test whose programs are
// not there is skipped.

function find(name: string): string | undefined {
  const variable = `INFERNODE_${name.toUpperCase().replace("-", "_")}`;
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"];
  const candidates = [process.env[variable] ?? "", ...folders.map((folder) => join(folder, name))];
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return path !== "";
    } catch {
      return false;
    }
  });
}

const programs: Readonly<Record<string, string | undefined>> = {
  consul: findConsul(),
  ...Object.fromEntries(["consul-template", "nginx", "traefik", "envoy"].map((name) => [name, find(name)])),
};

function start(name: string, args: readonly string[], options: { cwd: string; end: NodeJS.Signals }): void {
  const child: ChildProcess = spawn(programs[name] ?? "", args, { cwd: options.cwd, stdio: "ignore" });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(options.end);
    await ended;
  });
}

/** Where a gateway is started. */
interface Place {
  readonly directory: string;
  readonly port: number;
  readonly consul: string;
}

/** Writes an example to a file, with the ports of the test. */
async function copyExample(name: string, { directory, port, consul }: Place): Promise<string> {
  const source = fileURLToPath(new URL(`../../examples/gateways/${name}`, import.meta.url));
  const text = await readFile(source, "utf8");
  const path = join(directory, name);
  const placed = text
    .replace("127.0.0.1:8080", `127.0.0.1:${port}`)
    .replace("port_value: 8080", `port_value: ${port}`)
    .replace("127.0.0.1:8500", consul);
  await writeFile(path, placed);
  return path;
}

/** Renders a template once, and then after each change; consul-template passes on no SIGTERM. */
function startTemplate(rendering: string, { directory, consul }: Place): void {
  const args = ["-consul-addr", consul, "-template", rendering];
  expect(spawnSync(programs["consul-template"] ?? "", [...args, "-once"], { cwd: directory }).status).toBe(0);
  start("consul-template", args, { cwd: directory, end: "SIGINT" });
}

async function startNginx(place: Place): Promise<void> {
  const { directory } = place;
  const template = await copyExample("nginx.ctmpl", place);
  const [output, reload] = [join(directory, "nginx.conf"), join(directory, "reload")];
  const files = `pid ${directory}/pid; error_log ${directory}/error.log;`;
  const command = `${programs["nginx"]} -p ${directory} -c ${output} -g '${files}' -s reload`;
  await writeFile(reload, `#!/bin/sh\n[ -f ${directory}/pid ] && ${command}\ntrue\n`, { mode: 0o755 });
  startTemplate(`${template}:${output}:${reload}`, place);
  const args = ["-p", directory, "-c", output, "-g", `${files} daemon off;`];
  start("nginx", args, { cwd: directory, end: "SIGTERM" });
}

async function startTraefik(place: Place): Promise<void> {
  const file = await copyExample("traefik.yaml", place);
  start("traefik", [`--configFile=${file}`], { cwd: place.directory, end: "SIGKILL" });
}

async function startEnvoy(place: Place): Promise<void> {
  const file = await copyExample("envoy.yaml", place);
  const template = await copyExample("envoy-endpoints.ctmpl", place);
  startTemplate(`${template}:${join(place.directory, "endpoints.yaml")}`, place);
  const args = ["-c", file, "--base-id", String(place.port), "--concurrency", "1", "-l", "off"];
  start("envoy", args, { cwd: place.directory, end: "SIGKILL" });
}

const cases = [
  { name: "nginx", needs: ["consul", "consul-template", "nginx"], startGateway: startNginx },
  { name: "Traefik", needs: ["consul", "traefik"], startGateway: startTraefik },
  { name: "Envoy", needs: ["consul", "consul-template", "envoy"], startGateway: startEnvoy },
].map(({ name, needs, startGateway }) => ({
  name,
  startGateway,
  missing: needs.filter((each) => programs[each] === undefined),
}));
for (const { name, missing } of cases) {
  if (missing.length === 0) continue;
  process.stderr.write(`the test of ${name} is skipped: ${missing.join(", ")} not found\n`);
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await pause();
}

async function stream(url: string): Promise<string> {
  const body = { model: "infernode-stories", prompt: "Once upon a time", temperature: 0, max_tokens: 60 };
  const answer = await fetch(`${url}/v1/completions`, {
    method: "POST",
    // A gateway that reloads closes kept connections, at any moment.
    headers: { "content-type": "application/json", connection: "close" },
    body: JSON.stringify({ ...body, stream: true }),
  });
  const decoder = new TextDecoder();
  let text = "";
  let partCount = 0;
  for await (const bytes of answer.body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    partCount += 1;
  }
  expect([answer.status, text.slice(0, 200)]).toEqual([200, expect.anything()]);
  // Nothing on the way waits for the whole.
  expect(partCount).toBeGreaterThan(3);
  expect(text.trimEnd().endsWith("data: [DONE]")).toBe(true);
  return [...text.matchAll(/"text":"((?:[^"\\]|\\.)*)"/g)].map(([, part]) => part).join("");
}

/** Those of the page. */
const tags = [
  "traefik.enable=true",
  "traefik.http.routers.infernode.rule=PathPrefix(`/`)",
  "traefik.http.routers.infernode.middlewares=again",
  "traefik.http.middlewares.again.retry.attempts=3",
  "traefik.http.middlewares.again.retry.status=503",
  "traefik.http.middlewares.again.retry.retryNonIdempotentMethod=true",
].join(",");

for (const { name, missing, startGateway } of cases) {
  test.skipIf(missing.length > 0)(
    `${name} loses nothing while one of two daemons drains`,
    { timeout: 30_000 },
    async () => {
      const directory = await mkdtemp(join(tmpdir(), "infernode-gateway-"));
      onTestFinished(() => rm(directory, { recursive: true, force: true }));
      const consul = await startConsulAgent(programs["consul"] ?? "");
      onTestFinished(() => consul[Symbol.asyncDispose]());
      const args = ["--discovery", "consul", "--consul-url", consul.url, "--service-tags", tags];
      const daemons = await Promise.all([0, 1].map(() => startDaemon({ args })));
      for (const daemon of daemons) onTestFinished(() => daemon[Symbol.asyncDispose]());
      const [first] = daemons as [TestDaemon, TestDaemon];
      const port = await freePort();
      const url = `http://127.0.0.1:${port}`;
      await startGateway({ directory, port, consul: consul.url.replace("http://", "") });
      await until(() =>
        fetch(`${url}/v1/models`).then(
          ({ ok }) => ok,
          () => false,
        ),
      );
      const expected = await stream(first.url);
      const ending = new AbortController();
      const client = async (): Promise<void> => {
        do expect(await stream(url)).toBe(expected);
        while (!ending.signal.aborted);
      };
      const clients = Promise.all(Array.from({ length: 8 }, client));
      clients.catch(() => ending.abort());
      await until(
        async () => ending.signal.aborted || (await first.metric("infernode_running_sequences")) > 0,
      );
      first.signal("SIGTERM");
      await first.exited;
      ending.abort();
      await clients;
      expect(await stream(url)).toBe(expected);
    },
  );
}
