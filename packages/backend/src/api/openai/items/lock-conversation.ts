import { ApiError } from "../../shared/api-error.ts";
import type { Storage } from "../../shared/codec.ts";

/**
 * Takes a conversation for a response or a change of it.
 * @returns a function that gives it back
 * @throws ApiError 400 `conversation_locked` while another one has it
 */
export function lockConversation(storage: Storage | undefined, id: string | undefined): () => void {
  if (storage === undefined || id === undefined) return () => undefined;
  const { busyConversations: busy } = storage;
  if (busy.has(id)) {
    throw new ApiError(
      "conversation_locked",
      "Another request works on this conversation; try again when it has ended",
      { param: "conversation" },
    );
  }
  busy.add(id);
  let isHeld = true;
  return () => {
    if (isHeld) busy.delete(id);
    isHeld = false;
  };
}
