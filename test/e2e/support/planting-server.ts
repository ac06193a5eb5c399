import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as it came; `body` is absent for GET, and where it is not JSON. */
export interface SentRequest {
  readonly path: string;
  /** The header `authorization`. */
  readonly key: string | undefined;
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

/** An answer before it is sent. */
export interface SentAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Changes an answer, so that it deviates. */
export type Plant = (answer: SentAnswer, request: SentRequest) => SentAnswer;

/** A server that answers what another one answers, changed as it is told. */
export interface PlantingServer extends AsyncDisposable {
  readonly url: string;
  /** What becomes of answers from now on; `undefined`: nothing. */
  plant: Plant | undefined;
}

async function readText(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}

const kept = new Set(["content-type", "x-request-id", "request-id"]);

/** Starts a server before another one. Answers to equal requests are asked for once. */
export async function startPlantingServer(upstreamUrl: string): Promise<PlantingServer> {
  const answers = new Map<string, Promise<SentAnswer>>();
  const forward = async (method: string, path: string, text: string): Promise<SentAnswer> => {
    const response = await fetch(upstreamUrl + path, {
      method,
      ...(method === "POST" ? { body: text, headers: { "content-type": "application/json" } } : {}),
    });
    const headers = [...response.headers].filter(([name]) => kept.has(name));
    return { status: response.status, headers: Object.fromEntries(headers), text: await response.text() };
  };
  const ask = (method: string, path: string, text: string): Promise<SentAnswer> => {
    const key = JSON.stringify([method, path, text]);
    const answer = answers.get(key) ?? forward(method, path, text);
    answers.set(key, answer);
    return answer;
  };
  let plant: Plant | undefined;
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const text = await readText(request);
      const { method = "GET", url: path = "/" } = request;
      const right = await ask(method, path, text);
      const {
        status,
        headers,
        text: body,
      } = plant?.(right, { path, key: request.headers.authorization, body: parse(text) }) ?? right;
      response.writeHead(status, headers).end(body);
    };
    answer().catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get plant() {
      return plant;
    },
    set plant(value) {
      plant = value;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
