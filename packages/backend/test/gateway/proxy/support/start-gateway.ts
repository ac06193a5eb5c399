import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import type { HealthReport } from "@infernode/health";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { wireFormats } from "../../../../src/api/wire-formats.ts";
import type { KnownBackend } from "../../../../src/gateway/backends/backend-table.ts";
import type {
  GatewayLimits,
  GatewayServerConfig,
} from "../../../../src/gateway/proxy/gateway-server-options.ts";
import { createGatewayServer } from "../../../../src/gateway/proxy/gateway-server.ts";
import type { AttemptSample } from "../../../../src/gateway/proxy/proxy-request.ts";
import { createRouter } from "../../../../src/gateway/routing/create-router.ts";

/** An answer that was read to its end, or until it was cut off. */
export interface ReadAnswer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  readonly isWhole: boolean;
}

/** A gateway for one test. */
export interface TestGateway {
  readonly port: number;
  readonly attempts: readonly AttemptSample[];
  readonly logLines: readonly Record<string, unknown>[];
  ask(path: string, options?: AskOptions): Promise<ReadAnswer>;
}

export interface AskOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const config: GatewayServerConfig = {
  bodyLimitBytes: undefined,
  bodyMemoryBytes: 2 ** 24,
  maxConnections: 100,
  allowedHosts: [],
  corsOrigins: [],
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 30_000,
  writeTimeoutMs: 30_000,
  idleGraceMs: 10,
};

const limits: GatewayLimits = {
  maxAttempts: 3,
  retryShare: 0.2,
  retryBurst: 10,
  connectTimeoutMs: 5000,
  silenceTimeoutMs: 30_000,
};

const healthy: HealthReport = { status: "healthy", reasons: [], checks: {} };

/** Starts a gateway to backends in this order, which gets one request after the other from it. */
export async function startGateway(
  backends: readonly KnownBackend[],
  more: Partial<GatewayServerConfig & GatewayLimits> = {},
): Promise<TestGateway> {
  const attempts: AttemptSample[] = [];
  const logLines: Record<string, unknown>[] = [];
  const router = createRouter({
    table: { list: () => backends },
    settings: {
      policy: "round-robin",
      rules: [],
      prefixLoadFactor: 1.25,
      maxInFlight: 100,
      maxQueued: 100,
      queueTimeoutMs: 1000,
      circuitFailures: 1000,
      circuitOpenMs: 1000,
    },
  });
  let count = 0;
  const server = createGatewayServer({
    router,
    formats: wireFormats,
    health: { report: async () => healthy },
    metrics: {
      contentType: "text/plain",
      render: async () => "up 1\n",
      observeAttempt: (sample) => attempts.push(sample),
    },
    logger: pino({ level: "debug" }, { write: (line) => void logLines.push(JSON.parse(line)) }),
    config: { ...config, ...more },
    report: () => ({}),
    limits: () => ({ ...limits, ...more }),
    version: "1.2.3",
    clock: { now: () => performance.now(), epochMs: () => Date.now() },
    ids: () => String((count += 1)),
  });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  onTestFinished(async () => {
    server.drain({ timeoutMs: 0 });
    await server.close();
  });

  return {
    port,
    attempts,
    logLines,
    async ask(path, { method = "POST", body, headers = {} } = {}) {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const asked = request({
        port,
        host: "127.0.0.1",
        method,
        path,
        agent: false,
        headers: {
          ...(text === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
      });
      asked.end(text);
      const [answer] = (await once(asked, "response")) as [IncomingMessage];
      let received = "";
      answer.setEncoding("utf8").on("data", (part: string) => (received += part));
      await new Promise((resolve) => answer.on("error", resolve).on("end", resolve));
      return {
        status: answer.statusCode ?? 0,
        headers: answer.headers,
        text: received,
        isWhole: answer.complete,
      };
    },
  };
}

export const chat = { model: "tiny", stream: true, messages: [{ role: "user", content: "Hello" }] };
