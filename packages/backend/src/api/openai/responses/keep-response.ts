import { BackendError } from "../../../errors.ts";
import type { StoreChange } from "../../../store/item-store.ts";
import type { Storage } from "../../shared/codec.ts";
import { toStoredItems, type ItemObject } from "../items/item-objects.ts";
import type { WrittenResponse } from "./response-object.ts";

/** What is stored of a response once it has ended. */
export interface KeepPlan {
  /** [nothing is stored] */
  readonly storage: Storage | undefined;
  /** Whether the response can be retrieved and continued. */
  readonly isStored: boolean;
  readonly previousId: string | undefined;
  /** Gets input and output. */
  readonly conversationId: string | undefined;
  readonly input: readonly ItemObject[];
}

function changesOf(plan: KeepPlan, response: WrittenResponse): readonly StoreChange[] {
  const { isStored, previousId, conversationId, input } = plan;
  const { output, ...head } = response;
  const { id } = response;
  const inputItems = toStoredItems(input);
  const outputItems = toStoredItems(output as readonly ItemObject[]);
  const ofResponse: readonly StoreChange[] = [
    { type: "add", record: { id, kind: "response", head: JSON.stringify(head), previousId } },
    { type: "append", id, list: "input", items: inputItems },
    { type: "append", id, list: "output", items: outputItems },
  ];
  return [
    ...(isStored ? ofResponse : []),
    ...(conversationId === undefined
      ? []
      : [
          {
            type: "append" as const,
            id: conversationId,
            list: "conversation" as const,
            items: [...inputItems, ...outputItems],
          },
        ]),
  ];
}

/**
 * Stores a response that is completed, with its conversation or not at all.
 * @returns the response, which says whether it is stored; an answer is not lost because it could not be
 */
export async function keepResponse(response: WrittenResponse, plan: KeepPlan): Promise<WrittenResponse> {
  const changes = changesOf(plan, response);
  if (plan.storage === undefined || changes.length === 0) return response;
  try {
    await plan.storage.store.commit(changes);
    return response;
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    const { code, message } = error;
    return { ...response, store: false, store_error: { code: code.toLowerCase(), message } };
  }
}
