import { BackendError } from "../errors.ts";
import { exitCodes } from "../exit-codes.ts";
import { encryptSecret } from "../secrets/encrypted-secret.ts";
import { createSecretKey, readSecretKey } from "../secrets/secret-key.ts";
import type { CommandRunner } from "./command-context.ts";
import { readPrompt, writeOutput } from "./standard-streams.ts";

/** Encrypts the secret on standard input, or makes a key. Neither is an argument, which other users could see. */
export const encrypt: CommandRunner = async (values, context) => {
  if (values["newKey"] === true) {
    await writeOutput(context.stdout, `${createSecretKey()}\n`);
    return exitCodes.success;
  }
  const key = await readSecretKey(context.environment);
  if (context.stdin.isTTY) {
    const message = "expected the secret on standard input, got a terminal: infernode encrypt < key.txt";
    throw new BackendError("INVALID_CONFIG", message);
  }
  await writeOutput(context.stdout, `${encryptSecret(await readPrompt(context.stdin), key)}\n`);
  return exitCodes.success;
};
