import { BackendError } from "../errors.ts";
import { decryptSecret, isEncryptedSecret } from "./encrypted-secret.ts";
import { readSecretKey } from "./secret-key.ts";

/** Completes "expected …". */
export const expectedSecretReference =
  "env:NAME for a variable, or enc:v1:… made by infernode encrypt; a plain key does not belong into a file";

const variable = /^env:([A-Za-z_][A-Za-z0-9_]{0,255})$/;

/** Whether a text says where a secret is, or has it encrypted. */
export function isSecretReference(text: string): boolean {
  return variable.test(text) || isEncryptedSecret(text);
}

/**
 * Reads the secret that a reference stands for. `where` is its place in the configuration, for errors.
 * @throws BackendError `INVALID_CONFIG`; never with the secret in its message
 */
export async function resolveSecret(
  reference: string,
  where: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const name = variable.exec(reference)?.[1];
  if (name !== undefined) {
    const value = environment[name]?.trim() ?? "";
    if (value !== "") return value;
    throw new BackendError("INVALID_CONFIG", `${where}: expected a value in the variable ${name}, got none`);
  }
  if (!isEncryptedSecret(reference)) {
    throw new BackendError("INVALID_CONFIG", `${where}: expected ${expectedSecretReference}`);
  }
  try {
    return decryptSecret(reference, await readSecretKey(environment));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BackendError("INVALID_CONFIG", `${where}: ${reason}`, { cause });
  }
}
