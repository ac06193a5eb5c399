import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDaemon, type TestDaemon } from "../e2e/support/start-daemon.ts";
import { openProgram } from "./support/open-program.ts";
import { openRaw, rawRequest } from "./support/raw-connection.ts";

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly text: string;
}

/** Sends one request and reads its answer to the end of the connection. */
async function ask(daemon: TestDaemon, bytes: string): Promise<Answer> {
  const connection = await openRaw(daemon.url, bytes);
  const { text } = await connection.closed;
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0),
    code: /"code":"(\w+)"/.exec(text)?.[1],
    text,
  };
}

const get = (headers: readonly string[], target = "/version"): string =>
  rawRequest(`GET ${target}`, [...headers, "connection: close"]);

describe("a daemon on loopback", () => {
  let daemon: TestDaemon;
  let port: string;
  beforeAll(async () => {
    daemon = await startDaemon({
      args: ["--allowed-hosts", "Infer.Example,.below.example", "--cors-origins", "https://app.example"],
    });
    ({ port } = new URL(daemon.url));
  });
  afterAll(() => daemon[Symbol.asyncDispose]());

  test.each([
    "localhost",
    "localhost:8000",
    "LOCALHOST",
    "localhost.",
    "localhost.:80",
    "localhost:",
    "127.0.0.1",
    "127.0.0.1:1",
    "127.8.9.10",
    "[::1]",
    "[::1]:65535",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "infer.example",
    "INFER.example.:443",
    "a.below.example",
  ])("answers the host %s", async (host) => {
    expect((await ask(daemon, get([`host: ${host}`]))).status).toBe(200);
  });

  test.each([
    "evil.example",
    "evil.example:8000",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1.nip.io",
    "x.localhost",
    "below.example",
    "xbelow.example",
    "infer.example.evil",
    "0.0.0.0",
    "192.168.1.7",
    "[fe80::1]",
    "[::]",
    "[::ffff:10.0.0.1]",
  ])("refuses the host %s", async (host) => {
    const paths = ["/version", "/v1/models", "/health/live", "/metrics", "/nowhere", "/docs"];
    for (const path of paths) {
      const { status, code } = await ask(daemon, get([`host: ${host}`], path));
      expect({ path, status, code }).toEqual({ path, status: 403, code: "host_not_allowed" });
    }
  });

  test.each([
    "",
    "a b",
    "localhost:99999",
    "localhost:8000x",
    "user@localhost",
    "http://localhost",
    "localhost/",
    "[::1",
    "::1",
    "[127.0.0.1]",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "127.0.0.1,localhost",
    "localhost..",
    "löcalhost",
    "x".repeat(400),
  ])("says 400 to a host that is none: %j", async (host) => {
    expect(await ask(daemon, get([`host: ${host}`]))).toMatchObject({ status: 400, code: "bad_request" });
  });

  test("says 400 to two hosts, the same ones too, and to none in HTTP/1.1", async () => {
    for (const headers of [
      ["host: localhost", "host: evil.example"],
      ["host: evil.example", "Host: localhost"],
      ["host: localhost", "HOST: localhost"],
    ]) {
      expect(await ask(daemon, get(headers))).toMatchObject({ status: 400, code: "bad_request" });
    }
    const bare = "GET /version HTTP/1.1\r\nconnection: close\r\n\r\n";
    expect(await ask(daemon, bare)).toMatchObject({ status: 400, code: "bad_request" });
    expect((await ask(daemon, "GET /version HTTP/1.0\r\n\r\n")).status).toBe(200);
    const foreign = "GET /version HTTP/1.0\r\nhost: evil.example\r\n\r\n";
    expect(await ask(daemon, foreign)).toMatchObject({ status: 403, code: "host_not_allowed" });
  });

  test("judges the host of an absolute request target, and answers its path", async () => {
    const at = (target: string, host = "localhost") => ask(daemon, get([`host: ${host}`], target));
    expect(await at("http://localhost:1/version?x=1")).toMatchObject({ status: 200 });
    expect((await at("http://localhost/version")).text).toContain('"version"');
    expect((await at("http://localhost")).text).toContain('"infernode"');
    expect(await at("http://evil.example/version")).toMatchObject({ status: 403 });
    expect(await at("http://localhost/version", "evil.example")).toMatchObject({ status: 403 });
    expect(await at("http://user@localhost/version")).toMatchObject({ status: 400 });
  });

  test.each([
    ["http://localhost:3000"],
    ["http://127.0.0.1:8000"],
    ["https://[::1]"],
    ["https://app.example"],
    ["https://infer.example:8443"],
  ])("answers the origin %s", async (origin) => {
    expect((await ask(daemon, get([`origin: ${origin}`]))).status).toBe(200);
  });

  test.each([
    ["https://evil.example"],
    ["http://localhost.evil.example"],
    ["https://app.example.evil"],
    ["http://app.example"],
    ["null"],
    ["file://"],
    ["chrome-extension://abcdefgh"],
    [""],
    ["http://192.168.1.7"],
  ])("refuses the origin %j, whatever is asked", async (origin) => {
    const headers = ["host: localhost", `origin: ${origin}`, "connection: close"];
    const json = ["content-type: application/json", ...headers];
    for (const bytes of [
      rawRequest("GET /v1/models", headers),
      rawRequest("OPTIONS /v1/completions", ["access-control-request-method: POST", ...headers]),
      rawRequest("POST /v1/completions", json, '{"model":"infernode-stories","prompt":"a","max_tokens":1}'),
      rawRequest("GET /health/live", headers),
    ]) {
      expect(await ask(daemon, bytes)).toMatchObject({ status: 403, code: "origin_not_allowed" });
    }
  });

  test("names the setting, and logs no host that a client made up as its own", async () => {
    const { text } = await ask(daemon, get(["host: evil.example"]));
    expect(text).toContain("server.allowedHosts");
    expect(text).toContain("--allowed-hosts");
    expect(port).not.toBe("");
  });
});

describe("a daemon on every address", () => {
  test("answers any host, and with allowedHosts the named ones and addresses", async () => {
    await using open = await startDaemon({ args: ["--host", "0.0.0.0"] });
    expect(
      (await ask({ ...open, url: open.url.replace("0.0.0.0", "127.0.0.1") }, get(["host: any.example"])))
        .status,
    ).toBe(200);
    await using closed = await startDaemon({
      args: ["--host", "0.0.0.0", "--allowed-hosts", "infer.example"],
    });
    const local = { ...closed, url: closed.url.replace("0.0.0.0", "127.0.0.1") };
    const statusOf = async (host: string): Promise<number> =>
      (await ask(local, get([`host: ${host}`]))).status;
    expect(await statusOf("infer.example")).toBe(200);
    expect(await statusOf("10.1.2.3:8000")).toBe(200);
    expect(await statusOf("localhost")).toBe(200);
    expect(await statusOf("evil.example")).toBe(403);
    expect((await ask(local, get(["host: infer.example", "origin: https://infer.example"]))).status).toBe(
      200,
    );
    expect((await ask(local, get(["host: infer.example", "origin: https://evil.example"]))).status).toBe(403);
  });
});

const hasIpv6 = Object.values(networkInterfaces()).some((each) =>
  each?.some(({ address }) => address === "::1"),
);

describe("the address to listen on", () => {
  const program = openProgram();
  afterAll(() => program[Symbol.asyncDispose]());

  test("may be written ::1 or [::1], and is loopback", async () => {
    for (const host of ["::1", "[::1]"]) {
      const run = await program.run(["serve", "--print-config", "--json", "--host", host]);
      expect(JSON.parse(run.stdout)).toMatchObject({ config: { server: { host: "::1" } } });
    }
    if (!hasIpv6) return;
    await using daemon = await startDaemon({ args: ["--host", "[::1]"] });
    expect(daemon.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect(daemon.logs.map(({ msg }) => msg).join("\n")).not.toContain("other machines");
    expect((await ask(daemon, get([`host: ${new URL(daemon.url).host}`]))).status).toBe(200);
  });

  test.each(["a b", "host:8000", "http://x", "*.example", ""])(
    "an allowed host must be a name, not %j",
    async (name) => {
      const run = await program.run([
        "serve",
        "--print-config",
        "--allowed-hosts",
        `ok.example,${name || "-:"}`,
      ]);
      expect(run.exitCode).toBe(2);
      expect(run.stderr).toContain("--allowed-hosts");
    },
  );
});
