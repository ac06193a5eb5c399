import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { embeddedModelDirectory } from "@infernode/models";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { InfernodeConfig, ModelSettings } from "../../../src/config/config.ts";
import { formatConfig } from "../../../src/config/resolve/format-config.ts";
import { resolveConfig, type ResolveConfigOptions } from "../../../src/config/resolve/resolve-config.ts";
import { variableOf } from "../../../src/config/setting.ts";
import { settings } from "../../../src/config/settings.ts";
import { parse } from "yaml";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "infernode-config-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(root, "f-"));
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folder;
}

function resolveIn(options: ResolveConfigOptions) {
  return resolveConfig({ directory: root, ...options });
}

describe("precedence", () => {
  test("takes flags over variables over the file over defaults, and says where each came from", async () => {
    const directory = await folderWith({
      "infernode.config.json": JSON.stringify({
        server: { port: 1111, host: "localhost", drainTimeoutMs: 5 },
        engine: { threads: 3 },
      }),
    });
    const { config, origins, file } = await resolveConfig({
      directory,
      environment: { INFERNODE_SERVER__PORT: "2222", INFERNODE_HOST: "127.0.0.2" },
      flags: { port: "3333" },
    });
    expect(config.server).toMatchObject({ port: 3333, host: "127.0.0.2", drainTimeoutMs: 5 });
    expect(config.engine.threads).toBe(3);
    expect(config.log.level).toBe("info");
    expect(file).toBe(join(directory, "infernode.config.json"));
    expect(origins["server.port"]).toEqual({ source: "flag", name: "--port" });
    expect(origins["server.host"]).toEqual({ source: "environment", name: "INFERNODE_HOST" });
    expect(origins["engine.threads"]).toEqual({ source: "file", name: file });
    expect(origins["log.level"]).toEqual({ source: "default", name: undefined });
  });

  test("takes a program's overrides over everything", async () => {
    const { config } = await resolveIn({ overrides: { server: { port: 9 } }, flags: { port: "8" } });
    expect(config.server.port).toBe(9);
  });

  test("reads nothing from the environment unless it is given", async () => {
    const { config } = await resolveIn({});
    expect(config.server.port).toBe(8000);
  });

  test("takes the file that INFERNODE_CONFIG names", async () => {
    const directory = await folderWith({ "other.yaml": "server:\n  port: 4444\n" });
    const { config } = await resolveConfig({ directory, environment: { INFERNODE_CONFIG: "other.yaml" } });
    expect(config.server.port).toBe(4444);
  });
});

/** Every key of the types; leaving one out does not compile. */
const typedKeys: {
  readonly [Section in Exclude<keyof InfernodeConfig, "models">]: Record<
    keyof InfernodeConfig[Section],
    true
  >;
} & { readonly model: Record<keyof ModelSettings, true> } = {
  server: {
    mode: true,
    host: true,
    port: true,
    allowedHosts: true,
    maxConnections: true,
    bodyLimitBytes: true,
    bodyMemoryBytes: true,
    corsOrigins: true,
    requestTimeoutMs: true,
    keepAliveTimeoutMs: true,
    pingIntervalMs: true,
    writeTimeoutMs: true,
    lenient: true,
    drainTimeoutMs: true,
  },
  session: {
    maxSessions: true,
    idleTimeoutMs: true,
    graceMs: true,
    maxResponses: true,
    responseBytes: true,
    memoryBytes: true,
    holdMs: true,
  },
  model: {
    path: true,
    name: true,
    aliases: true,
    chatTemplate: true,
    toolParser: true,
    reasoningParser: true,
    adapters: true,
  },
  engine: {
    maxSequences: true,
    contextTokens: true,
    maxTokensPerStep: true,
    stepTimeMs: true,
    streamIntervalTokens: true,
    maxQueuedRequests: true,
    maxQueuedTokens: true,
    answerMemoryBytes: true,
    promptTimeoutMs: true,
    threads: true,
    executor: true,
    device: true,
    gpuMemoryUtilization: true,
    runtime: true,
    quantize: true,
    kvCacheDtype: true,
    productPrecision: true,
    productLibrary: true,
    productLibraryPath: true,
    runsAhead: true,
    speculation: true,
    speculationTokens: true,
    speculationMaxSequences: true,
    maxAdapters: true,
    maxAdapterRank: true,
    allowsAdapterUpdates: true,
    cacheDirectory: true,
    cacheLimitBytes: true,
    memoryLimitBytes: true,
    startTimeoutMs: true,
    hangAfterMs: true,
    maxRestarts: true,
  },
  store: { file: true, maxBytes: true, retentionHours: true },
  log: { level: true, format: true },
  health: { stallAfterMs: true },
  discovery: {
    provider: true,
    daemons: true,
    checkIntervalMs: true,
    serviceName: true,
    advertiseAddress: true,
    tags: true,
    updateIntervalMs: true,
  },
  consul: {
    url: true,
    tokenFile: true,
    datacenter: true,
    namespace: true,
    partition: true,
    caFile: true,
    certFile: true,
    keyFile: true,
    serverName: true,
    ttlMs: true,
    criticalTimeoutMs: true,
  },
  gateway: {
    backends: true,
    maxAttempts: true,
    retryShare: true,
    retryBurst: true,
    connectTimeoutMs: true,
    silenceTimeoutMs: true,
    pollIntervalMs: true,
    policy: true,
    rules: true,
    weights: true,
    prefixLoadFactor: true,
    maxInFlight: true,
    maxQueued: true,
    queueTimeoutMs: true,
    circuitFailures: true,
    circuitOpenMs: true,
  },
};

test("the table has the settings of the types", () => {
  const paths = Object.entries(typedKeys).flatMap(([section, keys]) =>
    Object.keys(keys).map((key) => `${section}.${key}`),
  );
  expect(settings.map(({ path }) => path)).toEqual(paths);
});

describe("values", () => {
  test("every setting can be given by flag and by variable", async () => {
    const samples: Readonly<Record<string, string>> = {
      "<number>": "64",
      "<gpu>": "1",
      "<share>": "0.5",
      "<ms>": "60000",
      "<url>": "https://consul.example",
      "<urls>": "http://10.0.0.5:8000,https://b.example",
      "<tags>": "gpu,eu-1",
      "<size>": "2MiB",
      "<address>": "localhost",
      "<origins>": "https://a.example,https://b.example",
      "<directory>": "/models/x",
      "<name>": "x",
      "<names>": "a.example,b.example",
      "<file>": "/models/chat.jinja",
      "[boolean]": "true",
      "<json>": '[{"name":"all"}]',
      "<factor>": "1.5",
      "<id=weight>": "a=2",
      "<name=url>": "a=http://127.0.0.1:8001",
    };
    // One that is named takes only its own settings.
    const unnamed: Readonly<Record<string, string>> = { "engine.executor": "auto", "engine.runtime": "auto" };
    const lastChoice = /([^ ]+)$/;
    const flags: Record<string, string> = {};
    const environment: Record<string, string> = {};
    for (const { flag, path, kind } of settings) {
      const sample = unnamed[path] ?? samples[kind.argument] ?? lastChoice.exec(kind.expected)?.[1] ?? "";
      flags[flag] = sample;
      environment[variableOf(path)] = sample;
    }
    const byFlag = await resolveIn({ flags });
    const byVariable = await resolveIn({ environment });
    expect(byFlag.config).toEqual(byVariable.config);
    expect(byFlag.config.engine.memoryLimitBytes).toBe(2 * 2 ** 20);
    expect(byFlag.config.server.corsOrigins).toEqual(["https://a.example", "https://b.example"]);
    for (const { path } of settings) expect(byFlag.origins[path]?.source).toBe("flag");
  });

  test.each([
    ["1048576", 1_048_576],
    ["1 MiB", 1_048_576],
    ["2GB", 2e9],
    ["1.5gib", 1.5 * 2 ** 30],
  ])("reads the size %s", async (text, bytes) => {
    const { config } = await resolveIn({ flags: { "memory-limit": text } });
    expect(config.engine.memoryLimitBytes).toBe(bytes);
  });

  test("counts a relative model path from the file that names it", async () => {
    const directory = await folderWith({ "infernode.config.yaml": "model:\n  path: models/x\n" });
    const fromFile = await resolveConfig({ directory });
    expect(fromFile.config.models[0]?.directory).toBe(join(directory, "models/x"));
    const fromFlag = await resolveConfig({ directory: root, flags: { model: "models/y" } });
    expect(fromFlag.config.models[0]?.directory).toBe(join(root, "models/y"));
    expect((await resolveIn({})).config.models[0]?.directory).toBe(embeddedModelDirectory());
  });

  test("is frozen, lists included", async () => {
    const { config } = await resolveIn({ flags: { "cors-origins": "*" } });
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.server)).toBe(true);
    expect(Object.isFrozen(config.server.corsOrigins)).toBe(true);
  });

  test("warns of listening to other machines, and not of loopback", async () => {
    expect((await resolveIn({ flags: { host: "0.0.0.0" } })).warnings).toHaveLength(1);
    for (const host of ["127.0.0.1", "localhost", "::1"]) {
      expect((await resolveIn({ flags: { host } })).warnings).toEqual([]);
    }
  });

  test("leaves the variables that Kubernetes makes for a service of this name alone", async () => {
    const { config, warnings } = await resolveIn({
      environment: {
        INFERNODE_PORT: "tcp://10.0.0.7:8000",
        INFERNODE_PORT_8000_TCP: "tcp://10.0.0.7:8000",
        INFERNODE_PORT_8000_TCP_ADDR: "10.0.0.7",
        INFERNODE_SERVICE_HOST: "10.0.0.7",
        INFERNODE_SERVICE_PORT: "8000",
      },
    });
    expect(config.server.port).toBe(8000);
    expect(warnings).toEqual([expect.stringContaining("INFERNODE_PORT=tcp://10.0.0.7:8000")]);
  });
});

describe("errors", () => {
  const cases: readonly (readonly [string, ResolveConfigOptions, RegExp])[] = [
    [
      "a variable that is no number",
      { environment: { INFERNODE_PORT: "abc" } },
      /INFERNODE_PORT="abc": expected an integer from 0 to 65535, got "abc"/,
    ],
    ["an empty variable", { environment: { INFERNODE_PORT: "" } }, /INFERNODE_PORT=""/],
    [
      "a number out of range",
      { flags: { port: "65536" } },
      /--port 65536: expected an integer from 0 to 65535, got 65536/,
    ],
    ["a fraction", { environment: { INFERNODE_ENGINE__THREADS: "1.5" } }, /INFERNODE_ENGINE__THREADS="1.5"/],
    [
      "a choice that is none",
      { flags: { runtime: "gpu" } },
      /--runtime gpu: expected one of auto, ffi, binding, tfjs-node-gpu, tfjs-node, wasm, cpu, driver, got "gpu"/,
    ],
    [
      "a size with a wrong unit",
      { flags: { "body-limit": "3 bananas" } },
      /--body-limit 3 bananas: expected a size/,
    ],
    [
      "an unknown variable",
      { environment: { INFERNODE_ENGINE__MAX_SEQUENCE: "1" } },
      /unknown variable INFERNODE_ENGINE__MAX_SEQUENCE; did you mean INFERNODE_ENGINE__MAX_SEQUENCES\?/,
    ],
    [
      "two variables that disagree",
      { environment: { INFERNODE_PORT: "1", INFERNODE_SERVER__PORT: "2" } },
      /set server.port to different values/,
    ],
    [
      "an unknown override",
      { overrides: { server: { prot: 1 } as never } },
      /unknown key server.prot; did you mean server.port\?/,
    ],
    [
      "fewer tokens in a step than sequences",
      { flags: { "max-sequences": "64", "max-tokens-per-step": "32" } },
      /engine.maxTokensPerStep: expected at least engine.maxSequences \(64\)/,
    ],
    [
      "a file that is not there",
      { file: "nowhere.json" },
      /cannot read the configuration file .*nowhere.json: nothing is there/,
    ],
    ["a file that is a directory", { file: "." }, /cannot read the configuration file .*: it is a directory/],
  ];
  test.each(cases)("names %s", async (_, options, message) => {
    await expect(resolveIn(options)).rejects.toThrow(message);
    await expect(resolveIn(options)).rejects.toMatchObject({ name: "BackendError", code: "INVALID_CONFIG" });
  });

  const files: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
    [
      "the line where JSON ends being JSON",
      { "infernode.config.json": '{\n  "server": {\n    "port": 9000,\n  }\n}\n' },
      /infernode.config.json is not valid JSON: expected a key in double quotes at line 4, column 3; got "}"/,
    ],
    ["a file that is cut", { "infernode.config.json": "{" }, /line 1, column 2; got the end of the text/],
    ["YAML that does not parse", { "infernode.config.yaml": "a: [" }, /is not valid YAML: .* at line 1/],
    ["a key twice", { "infernode.config.yaml": "server:\n  port: 1\n  port: 2\n" }, /unique at line 3/],
    [
      "a key twice in JSON",
      { "infernode.config.json": '{"server":{"port":1,\n"port":2}}' },
      /is not valid JSON: Map keys must be unique at line 2/,
    ],
    [
      "an alias of nothing",
      { "infernode.config.yaml": "server: *nothing\n" },
      /is not valid YAML: .*nothing/,
    ],
    [
      "aliases that grow beyond measure",
      {
        "infernode.config.yaml": ["a: &a [x, x, x, x]", "b: &b [*a, *a, *a, *a]", "c: &c [*b, *b, *b, *b]"]
          .concat(["d: &d [*c, *c, *c, *c]", "server: [*d, *d, *d, *d]"])
          .join("\n"),
      },
      /is not valid YAML: .*alias/,
    ],
    [
      "a tag",
      { "infernode.config.yaml": "server:\n  port: !secret 3\n" },
      /Unresolved tag: !secret at line 2/,
    ],
    [
      "an unknown section",
      { "infernode.config.json": '{"sever":{}}' },
      /unknown section sever in .*; did you mean server\?/,
    ],
    [
      "an unknown key",
      { "infernode.config.yaml": "server:\n  portt: 1\n" },
      /unknown key server.portt in .*; did you mean server.port\?/,
    ],
    [
      "a section that is a number",
      { "infernode.config.json": '{"server":5}' },
      /server in .*: expected an object, got 5/,
    ],
    ["a list for the whole", { "infernode.config.json": "[]" }, /expected an object of sections/],
    [
      "text for a number",
      { "infernode.config.json": '{"server":{"port":"80"}}' },
      /server.port in .*: expected an integer from 0 to 65535, got "80"/,
    ],
  ];
  test.each(files)("names %s", async (_, contents, message) => {
    const directory = await folderWith(contents);
    await expect(resolveConfig({ directory })).rejects.toThrow(message);
  });

  test.each(["infernode.config.json", "infernode.config.yaml"])("%s may begin with a mark", async (name) => {
    const directory = await folderWith({ [name]: '\uFEFF{"server": {\r\n\t"port": 9 } }\r\n' });
    expect((await resolveConfig({ directory })).config.server.port).toBe(9);
  });

  test("refuses two files", async () => {
    const directory = await folderWith({ "infernode.config.json": "{}", "infernode.config.yml": "{}" });
    await expect(resolveConfig({ directory })).rejects.toThrow(/expected one configuration file, got 2/);
  });

  test("tells all problems at once", async () => {
    const call = resolveIn({
      environment: { INFERNODE_PORT: "x", INFERNODE_BANANA: "1" },
      flags: { threads: "0" },
    });
    await expect(call).rejects.toThrow(
      /INFERNODE_PORT[^]*INFERNODE_BANANA|INFERNODE_BANANA[^]*INFERNODE_PORT/,
    );
    await expect(call).rejects.toThrow(/--threads 0/);
  });
});

describe("printing", () => {
  test("prints YAML that reads back as the same configuration", async () => {
    const flags = { port: "0", model: "x: # y", "cors-origins": "*,https://a.example", threads: "2" };
    const resolved = await resolveIn({ flags });
    const text = await formatConfig(resolved);
    const directory = await folderWith({ "infernode.config.yaml": text });
    expect((await resolveConfig({ directory })).config).toEqual(resolved.config);
    expect(parse(text)).toMatchObject({ server: { port: 0 } });
    expect(text).toMatch(/port: 0 +# --port/);
    expect(text).toMatch(/# contextTokens: +# default: decided at start/);
  });
});
