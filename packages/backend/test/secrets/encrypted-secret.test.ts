import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { decryptSecret, encryptSecret, isEncryptedSecret } from "../../src/secrets/encrypted-secret.ts";
import { isSecretReference, resolveSecret } from "../../src/secrets/resolve-secret.ts";
import { createSecretKey, readSecretKey } from "../../src/secrets/secret-key.ts";

const key = randomBytes(32);

describe("an encrypted secret", () => {
  test("is read with its key, and is another text each time", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "binary", maxLength: 200 }), (secret) => {
        const text = encryptSecret(secret, key);
        expect(isEncryptedSecret(text)).toBe(true);
        expect(decryptSecret(text, key)).toBe(Buffer.from(secret).toString("utf8"));
        expect(encryptSecret(secret, key)).not.toBe(text);
      }),
      { numRuns: 30 },
    );
  });

  test("is refused after any change, and with another key", () => {
    const text = encryptSecret("sk-secret", key);
    const bytes = Buffer.from(text.slice("enc:v1:".length), "base64url");
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => decryptSecret(`enc:v1:${changed.toString("base64url")}`, key)).toThrow("with this key");
    }
    expect(() => decryptSecret(text, randomBytes(32))).toThrow("with this key");
  });

  test("may not be empty or longer than a key would be", () => {
    expect(() => encryptSecret("", key)).toThrow("expected a secret of 1 to 4096 bytes, got 0");
    expect(() => encryptSecret("x".repeat(4097), key)).toThrow("got 4097");
  });
});

describe("the key", () => {
  test("comes from a variable or a file", async () => {
    const directory = await mkdtemp(join(tmpdir(), "infernode-secrets-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    const text = createSecretKey();
    const path = join(directory, "key");
    await writeFile(path, `${text}\n`);
    const keys = await Promise.all([
      readSecretKey({ INFERNODE_SECRET_KEY: text }),
      readSecretKey({ INFERNODE_SECRET_KEY_FILE: path }),
    ]);
    expect(keys[0]).toEqual(keys[1]);
    expect(keys[0]).toHaveLength(32);
  });

  test.each([
    [{}, "got neither"],
    [{ INFERNODE_SECRET_KEY: "a", INFERNODE_SECRET_KEY_FILE: "b" }, "got both"],
    [{ INFERNODE_SECRET_KEY: "correct horse battery staple" }, "expected a key made by infernode encrypt"],
    [{ INFERNODE_SECRET_KEY_FILE: "/nonexistent" }, "expected a file with a key, got ENOENT"],
  ])("is refused as %j", async (environment, message) => {
    await expect(readSecretKey(environment)).rejects.toThrow(message);
  });
});

describe("a reference", () => {
  test("is a variable or an encrypted secret, not a plain key", () => {
    expect(["env:OPENAI_KEY", encryptSecret("x", key)].map(isSecretReference)).toEqual([true, true]);
    expect(["sk-plain", "env:", "env:a b", "enc:v1:", "enc:v2:abc"].some(isSecretReference)).toBe(false);
  });

  test("is resolved, and errors name its place and never the secret", async () => {
    const environment = { KEY: "sk-1\n", INFERNODE_SECRET_KEY: key.toString("base64url") };
    expect(await resolveSecret("env:KEY", "here", environment)).toBe("sk-1");
    expect(await resolveSecret(encryptSecret("sk-2", key), "here", environment)).toBe("sk-2");
    await expect(resolveSecret("env:NONE", "here", environment)).rejects.toThrow(
      "here: expected a value in the variable NONE, got none",
    );
    await expect(resolveSecret(encryptSecret("x", key), "here", {})).rejects.toThrow(
      "here: expected a key in",
    );
    const error: unknown = await resolveSecret("sk-plain", "here", environment).catch(
      (each: unknown) => each,
    );
    expect(String(error)).not.toContain("sk-plain");
  });
});
