import { BackendError } from "../errors.ts";

/** Creates the error of a change to a record, or an item of one, that is not there. */
export function recordMissing(what: string): BackendError {
  return new BackendError("STORE_RECORD_MISSING", `expected ${what} in the store, got none`);
}

/** Creates the error of a record that is there already. */
export function recordExists(id: string): BackendError {
  return new BackendError(
    "STORE_RECORD_EXISTS",
    `expected an id that the store does not have, got ${JSON.stringify(id)}`,
  );
}

/** Creates the error of a record that would take too much of the store. */
export function recordTooLarge(bytes: number, maxBytes: number): BackendError {
  return new BackendError(
    "STORE_RECORD_TOO_LARGE",
    `expected a record of at most ${maxBytes} bytes, got ${bytes}`,
  );
}

/** Counts the characters of items that are read together. @throws BackendError `STORE_RECORD_TOO_LARGE` */
export function createCharacterCount(maxCharacters: number): (text: string) => void {
  let characters = 0;
  return ({ length }) => {
    characters += length;
    if (characters <= maxCharacters) return;
    throw new BackendError(
      "STORE_RECORD_TOO_LARGE",
      `expected items of at most ${maxCharacters} characters together, got more`,
    );
  };
}

/** Creates the error of a store that cannot read or write now. */
export function storeFailed(cause: unknown): BackendError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new BackendError("STORE_FAILED", `expected the store to work, got: ${reason}`, { cause });
}
