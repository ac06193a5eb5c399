import type { HealthReport } from "@infernode/health";
import OpenAI from "openai";
import { pino } from "pino";
import {
  createHttpServer,
  type HttpServer,
  type HttpServerConfig,
  type HttpServerOptions,
  type SystemDevices,
} from "../../src/http/create-http-server.ts";
import type { HttpSample } from "../../src/metrics/http-metrics.ts";
import type { SessionSample } from "../../src/metrics/session-metrics.ts";
import { wireFormats } from "../../src/api/wire-formats.ts";
import { parseJsonBody } from "../../src/http/body/parse-json-body.ts";
import { createMemoryStore } from "../../src/store/create-memory-store.ts";
import { createFakeEngine, type FakeEngine } from "./fake-engine.ts";

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly engine: FakeEngine;
  readonly server: HttpServer;
  readonly samples: HttpSample[];
  readonly sessionSamples: SessionSample[];
  readonly logLines: Record<string, unknown>[];
  /** Sizes of the bodies that were parsed beside the event loop. */
  readonly largeBodies: number[];
  readonly client: OpenAI;
  health: HealthReport;
  liveness: HealthReport;
  /** Resolves with the next exchange that is over. */
  nextSample(): Promise<HttpSample>;
  post(path: string, body: unknown): Promise<Response>;
  close(): Promise<void>;
}

/** What the test server says of its machine. */
export const systemDevices: SystemDevices = {
  memory: { totalBytes: 1000, freeBytes: 600, limitedBy: "system" },
  gpus: { driver: undefined, reason: "no NVIDIA driver", gpus: [], problems: [] },
};

export const sessionConfig: HttpServerConfig["session"] = {
  maxSessions: 100,
  idleTimeoutMs: 60_000,
  graceMs: 30_000,
  maxResponses: 64,
  responseBytes: 2 ** 20,
  memoryBytes: 8 * 2 ** 20,
  holdMs: 60_000,
};

const healthy: HealthReport = { status: "healthy", reasons: [], checks: {} };

/** @param parts [the fake engine, in the formats of a daemon] */
export async function startServer(
  config: Partial<HttpServerConfig> = {},
  parts: Partial<Pick<HttpServerOptions, "service" | "formats" | "store" | "prefixes">> = {},
): Promise<TestServer> {
  const engine = createFakeEngine();
  const samples: HttpSample[] = [];
  const sessionSamples: SessionSample[] = [];
  const logLines: Record<string, unknown>[] = [];
  const largeBodies: number[] = [];
  const waiting: ((sample: HttpSample) => void)[] = [];
  const server = await createHttpServer({
    service: engine,
    store: createMemoryStore({ maxBytes: 2 ** 20, retentionMs: 60_000 }),
    formats: wireFormats,
    health: { report: async () => test.health },
    liveness: { report: async () => test.liveness },
    metrics: {
      contentType: "text/plain; version=0.0.4; charset=utf-8",
      render: async () => "# HELP up\nup 1\n",
      observeHttp: (sample) => {
        samples.push(sample);
        for (const resolve of waiting.splice(0)) resolve(sample);
      },
      observeSessions: (sample) => void sessionSamples.push(sample),
    },
    devices: async () => systemDevices,
    registry: {
      services: () => [],
      report: async () => ({
        provider: "embedded",
        serviceName: "infernode",
        registry: null,
        registrations: [],
      }),
    },
    logger: pino({ level: "trace" }, { write: (line: string) => void logLines.push(JSON.parse(line)) }),
    config: {
      bodyLimitBytes: 1_000_000,
      allowedHosts: [],
      corsOrigins: [],
      requestTimeoutMs: 60_000,
      keepAliveTimeoutMs: 5000,
      pingIntervalMs: 15_000,
      writeTimeoutMs: 30_000,
      idleGraceMs: 0,
      session: sessionConfig,
      ...config,
    },
    version: "1.2.3",
    ...parts,
    // The thread itself needs the built package: see `test/e2e/serving.test.ts`.
    jsonThread: {
      parse: async (bytes, exact) => {
        largeBodies.push(bytes.length);
        return parseJsonBody(bytes, exact);
      },
      dispose: async () => undefined,
    },
  });
  const { url, port } = await server.listen({ host: "127.0.0.1", port: 0 });
  const close = async (): Promise<void> => server.close();
  const test: TestServer = {
    url,
    port,
    engine,
    server,
    samples,
    sessionSamples,
    logLines,
    largeBodies,
    client: new OpenAI({ baseURL: `${url}/v1`, apiKey: "any", maxRetries: 0 }),
    health: healthy,
    liveness: healthy,
    nextSample: async () => new Promise((resolve) => waiting.push(resolve)),
    post: async (path, body) =>
      fetch(url + path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    close,
    [Symbol.asyncDispose]: close,
  };
  return test;
}
