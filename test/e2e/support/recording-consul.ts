import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { TLSSocket } from "node:tls";

/** A request that a Consul got. */
export interface ConsulRequest {
  /** With the method: `PUT /v1/agent/service/register`. */
  readonly target: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  readonly atMs: number;
  /** Of TLS: the name that was asked for, and whether the client showed its certificate. */
  readonly serverName: unknown;
  readonly isAuthorized: boolean;
}

/** A server that keeps what it is asked, and agrees to everything. */
export interface RecordingConsul extends AsyncDisposable {
  readonly url: string;
  /** Of the certificate; `undefined` without openssl, where it speaks no TLS. */
  readonly files: { readonly cert: string; readonly key: string } | undefined;
  /** Resolves with the latest request, past or to come, that fits. */
  waitFor(fits: (request: ConsulRequest) => boolean): Promise<ConsulRequest>;
}

function makeCertificate(directory: string): { readonly cert: string; readonly key: string } | undefined {
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const name = ["-subj", "/CN=consul.example", "-addext", "subjectAltName=DNS:consul.example"];
  const kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  try {
    const files = ["-keyout", key, "-out", cert, "-days", "1"];
    execFileSync("openssl", [...kind, ...files, ...name], { stdio: "ignore" });
    return { cert, key };
  } catch {
    process.stderr.write("settings of Consul's TLS are not tested: openssl is not there, or failed\n");
    return undefined;
  }
}

/** Starts it, with TLS where openssl can make a certificate. */
export async function startRecordingConsul(directory: string): Promise<RecordingConsul> {
  const requests: ConsulRequest[] = [];
  const waiting = new Set<() => void>();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams: query } = new URL(request.url ?? "", "http://consul");
    const socket = request.socket as TLSSocket;
    requests.push({
      target: `${request.method} ${pathname}`,
      query,
      headers: request.headers,
      body: await text(request),
      atMs: performance.now(),
      serverName: socket.servername,
      isAuthorized: socket.authorized,
    });
    for (const look of waiting) look();
    response.writeHead(200, { "content-type": "application/json" }).end("[]");
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void =>
    void answer(request, response);
  const files = makeCertificate(directory);
  const pair =
    files === undefined
      ? undefined
      : { key: await readFile(files.key), cert: await readFile(files.cert), ca: await readFile(files.cert) };
  const server =
    pair === undefined
      ? createHttpServer(listener)
      : createHttpsServer({ ...pair, requestCert: true }, listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `${files === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    files,
    waitFor: (fits) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = requests.findLast(fits);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}
