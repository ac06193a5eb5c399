import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { BackendError } from "../errors.ts";

/** Of AES-256. */
const keyBytes = 32;
/** Longer than a key in any form. */
const maxFileBytes = 4096;

type Environment = Readonly<Record<string, string | undefined>>;

/** Creates a key: 32 random bytes in base64url. */
export function createSecretKey(): string {
  return randomBytes(keyBytes).toString("base64url");
}

function parseKey(text: string, where: string): Buffer {
  const key = Buffer.from(text.trim(), "base64url");
  // Decoding leaves out what is not base64url.
  if (key.length === keyBytes && key.toString("base64url") === text.trim()) return key;
  const message = `${where}: expected a key made by infernode encrypt --new-key, got something else`;
  throw new BackendError("INVALID_CONFIG", message);
}

async function readKeyFile(path: string): Promise<Buffer> {
  const where = `INFERNODE_SECRET_KEY_FILE=${JSON.stringify(path)}`;
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    const { code } = cause as NodeJS.ErrnoException;
    const message = `${where}: expected a file with a key, got ${code ?? "an error"}`;
    throw new BackendError("INVALID_CONFIG", message, { cause });
  });
  return parseKey(text.slice(0, maxFileBytes), where);
}

/**
 * Reads the key of encrypted values from the environment, or the file that it names.
 * @throws BackendError `INVALID_CONFIG`
 */
export async function readSecretKey(environment: Environment): Promise<Buffer> {
  const text = environment["INFERNODE_SECRET_KEY"];
  const path = environment["INFERNODE_SECRET_KEY_FILE"];
  if (text !== undefined && path !== undefined) {
    const message = "expected INFERNODE_SECRET_KEY or INFERNODE_SECRET_KEY_FILE, got both";
    throw new BackendError("INVALID_CONFIG", message);
  }
  if (text !== undefined) return parseKey(text, "INFERNODE_SECRET_KEY");
  if (path !== undefined) return readKeyFile(path);
  const message = "expected a key in INFERNODE_SECRET_KEY or INFERNODE_SECRET_KEY_FILE, got neither";
  throw new BackendError("INVALID_CONFIG", message);
}
