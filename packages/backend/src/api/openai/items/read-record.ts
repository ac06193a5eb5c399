import type { RecordKind, StoredRecord } from "../../../store/item-store.ts";
import type { Storage } from "../../shared/codec.ts";
import { notStored } from "./storage-errors.ts";

const names = {
  response: { code: "response_not_found", what: "Response", param: "response_id" },
  conversation: { code: "conversation_not_found", what: "Conversation", param: "conversation_id" },
} as const;

/** Reads a record of a kind. @throws ApiError 404, 503 */
export async function readRecord(storage: Storage, kind: RecordKind, id: string): Promise<StoredRecord> {
  const record = await storage.store.read(id);
  if (record?.kind === kind) return record;
  const { code, what, param } = names[kind];
  throw await notStored(storage, code, { id, what, param });
}
