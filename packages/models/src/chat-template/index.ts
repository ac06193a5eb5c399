export type { ChatTemplate, ChatTemplateMessage, ChatTemplateOptions } from "./chat-template.ts";
export { createChatTemplate, type ChatTemplateSetup } from "./create-chat-template.ts";
