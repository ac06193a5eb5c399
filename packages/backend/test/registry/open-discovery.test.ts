import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { ConsulSettings } from "../../src/config/config.ts";
import { resolveConfig } from "../../src/config/resolve/resolve-config.ts";
import { openDiscovery } from "../../src/registry/open-discovery.ts";
import type { OpenedDiscovery } from "../../src/registry/opened-discovery.ts";

async function open(consul: Partial<ConsulSettings>, token?: string): Promise<OpenedDiscovery> {
  const overrides = { discovery: { provider: "consul" as const }, consul };
  const { config } = await resolveConfig({ file: false, overrides });
  const opened = await openDiscovery(config, { token });
  onTestFinished(() => opened.provider.dispose());
  return opened;
}

async function fileWith(text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "infernode-discovery-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, "file");
  await writeFile(file, text);
  return file;
}

test("asks Consul nothing before something is registered or listed", async () => {
  expect((await open({}, "")).status()).toMatchObject({ url: "http://127.0.0.1:8500", state: undefined });
});

test.each<readonly [string, Partial<ConsulSettings>, string]>([
  ["a token file that is not there", { tokenFile: "/nowhere/token" }, "consul.tokenFile: expected a file"],
  [
    "a certificate without a key",
    { url: "https://a.example", certFile: "/x" },
    "certFile and keyFile together",
  ],
  ["an authority for a URL without TLS", { caFile: "/x" }, "consul.url: expected an https URL"],
  ["an authority that is not there", { url: "https://a.example", caFile: "/nowhere/ca" }, "consul.caFile"],
])("refuses %s", async (_, consul, message) => {
  await expect(open(consul)).rejects.toMatchObject({
    code: "INVALID_CONFIG",
    message: expect.stringContaining(message),
  });
});

test("refuses a token file without a token, and a token that no header can have", async () => {
  await expect(open({ tokenFile: await fileWith("\n") })).rejects.toThrow("expected a token");
  const secret = "line one\nline two";
  const refusal = open({ tokenFile: await fileWith(secret) });
  await expect(refusal).rejects.toMatchObject({ code: "INVALID_CONFIG" });
  await expect(refusal).rejects.not.toThrow("line one");
});
