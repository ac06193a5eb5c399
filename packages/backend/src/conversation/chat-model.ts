import { EngineRequestError } from "../errors.ts";
import type { ServedModel } from "../models/model-service.ts";
import { unsupportedField } from "./rejections.ts";

/** @throws EngineRequestError `CHAT_TEMPLATE_MISSING` if the model cannot be given messages */
export function assertTakesMessages({ hasChatTemplate }: Pick<ServedModel, "hasChatTemplate">): void {
  if (hasChatTemplate !== false) return;
  throw new EngineRequestError({
    code: "CHAT_TEMPLATE_MISSING",
    message: "the model has no chat template: it takes no messages",
    param: "messages",
  });
}

/**
 * @throws EngineRequestError `UNSUPPORTED_PARAMETER` if the model cannot be given tools; what a remote server has is
 * not known
 */
export function assertTakesTools({ chat }: Pick<ServedModel, "chat">): void {
  if (chat === undefined) return;
  if (!chat.readsTools) throw unsupportedField("tools", "the model's chat template does not show tools");
  if (chat.toolParser === undefined) {
    throw unsupportedField(
      "tools",
      "how the model writes calls is not known; see the setting model.toolParser",
    );
  }
}
