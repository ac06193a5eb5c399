import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { BackendError } from "../errors.ts";

const prefix = "enc:v1:";
const algorithm = "aes-256-gcm";
const ivBytes = 12;
const tagBytes = 16;
/** Authenticated beside the value, so that one of another version is not taken for this one's. */
const associatedData = Buffer.from(prefix);

/** The longest secret. */
const maxSecretBytes = 4096;

/** Whether a text is as `encryptSecret` writes it. */
export function isEncryptedSecret(text: string): boolean {
  return /^enc:v1:[A-Za-z0-9_-]{38,6000}$/.test(text);
}

/**
 * Encrypts a secret with AES-256-GCM; the same one is written differently each time.
 * @throws BackendError `INVALID_CONFIG` if it is empty or too long
 */
export function encryptSecret(secret: string, key: Buffer): string {
  const bytes = Buffer.from(secret);
  if (bytes.length === 0 || bytes.length > maxSecretBytes) {
    const message = `expected a secret of 1 to ${maxSecretBytes} bytes, got ${bytes.length}`;
    throw new BackendError("INVALID_CONFIG", message);
  }
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv(algorithm, key, iv, { authTagLength: tagBytes }).setAAD(associatedData);
  const parts = [iv, cipher.update(bytes), cipher.final(), cipher.getAuthTag()];
  return prefix + Buffer.concat(parts).toString("base64url");
}

/**
 * Decrypts what `encryptSecret` wrote.
 * @throws BackendError `INVALID_CONFIG` if it was changed, or encrypted with another key
 */
export function decryptSecret(text: string, key: Buffer): string {
  const bytes = Buffer.from(text.slice(prefix.length), "base64url");
  const end = bytes.length - tagBytes;
  try {
    const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, ivBytes), { authTagLength: tagBytes })
      .setAAD(associatedData)
      .setAuthTag(bytes.subarray(end));
    return Buffer.concat([decipher.update(bytes.subarray(ivBytes, end)), decipher.final()]).toString("utf8");
  } catch (cause) {
    const message = "expected a value that was encrypted with this key, got another or a changed one";
    throw new BackendError("INVALID_CONFIG", message, { cause });
  }
}
