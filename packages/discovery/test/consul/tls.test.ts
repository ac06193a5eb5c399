import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { createConsulDiscovery } from "../../src/consul/index.ts";

/** A key and a certificate that signs itself; `undefined` without openssl. */
async function makeCertificate(): Promise<{ key: Buffer; cert: Buffer } | undefined> {
  const directory = await mkdtemp(join(tmpdir(), "infernode-tls-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const name = ["-subj", "/CN=consul.example", "-addext", "subjectAltName=DNS:consul.example"];
  const kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  try {
    execFileSync("openssl", [...kind, "-keyout", key, "-out", cert, "-days", "1", ...name], {
      stdio: "ignore",
    });
  } catch {
    return undefined;
  }
  return { key: await readFile(key), cert: await readFile(cert) };
}

test("speaks TLS with the authority, the certificate and the name of the options", async ({ skip }) => {
  const pair = await makeCertificate();
  if (pair === undefined) return skip("openssl is not there, or failed");
  const isAuthorized: boolean[] = [];
  const server = createServer({ ...pair, ca: pair.cert, requestCert: true }, (request, response) => {
    isAuthorized.push((request.socket as TLSSocket).authorized);
    response.writeHead(200, { "content-type": "application/json" }).end("[]");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const tls = { ca: pair.cert, cert: pair.cert, key: pair.key, servername: "consul.example" };
  await using trusting = createConsulDiscovery({ url, tls });
  expect(await trusting.list({ name: "infernode" })).toEqual([]);
  expect(isAuthorized).toEqual([true]);
  await using doubting = createConsulDiscovery({ url });
  await expect(doubting.list({ name: "infernode" })).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
});
