import { BackendError } from "../../../errors.ts";
import { describeValue } from "../../../text/describe-value.ts";
import { ApiError } from "../../shared/api-error.ts";
import type { Storage } from "../../shared/codec.ts";
import type { ApiErrorCode } from "../../shared/error-catalog.ts";
import { tooMuchToStore } from "../../shared/to-api-error.ts";

/** Why something is not in a store. */
async function reasonOf({ store }: Storage, id: string): Promise<string> {
  const { maxBytes, retentionMs } = store.limits;
  const limits = `the store keeps at most ${maxBytes} bytes, and what was used in the last ${retentionMs / 3_600_000} hours`;
  if (await store.wasEvicted(id)) return `it was evicted: ${limits}`;
  const place = store.file === undefined ? "; the store is in memory, until the server ends" : "";
  return `it was never stored here, or was deleted${place}`;
}

/** Creates the error of a record that the store does not have. */
export async function notStored(
  storage: Storage,
  code: ApiErrorCode,
  { id, what, param }: { readonly id: string; readonly what: string; readonly param?: string | undefined },
): Promise<ApiError> {
  const reason = await reasonOf(storage, id);
  return new ApiError(code, `${what} with id ${describeValue(id)} not found: ${reason}`, { param });
}

/** Creates the 404 of an item that a conversation does not have. */
export function itemMissing(id: string): ApiError {
  const message = `Item with id ${describeValue(id)} not found in this conversation`;
  return new ApiError("item_not_found", message, { param: "item_id" });
}

/** What the server keeps. @throws ApiError 400 `store_disabled` where it keeps nothing */
export function requireStorage(storage: Storage | undefined, param?: string): Storage {
  if (storage !== undefined) return storage;
  throw new ApiError(
    "store_disabled",
    "This server stores no responses and conversations (store.maxBytes is 0); send the whole conversation as input",
    { param },
  );
}

/** Names the field of a request of which the store cannot take as much; other errors stay as they are. */
export function nameStoredField(error: unknown, param: string): unknown {
  const isTooLarge = error instanceof BackendError && error.code === "STORE_RECORD_TOO_LARGE";
  return isTooLarge ? tooMuchToStore(error, param) : error;
}
