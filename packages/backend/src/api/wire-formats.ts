import { anthropicFormat } from "./anthropic/anthropic-format.ts";
import { openAiFormat } from "./openai/openai-format.ts";
import { openAiResponsesFormat } from "./openai/responses-format.ts";
import type { WireFormats } from "./shared/wire-format.ts";

/** The wire formats of a daemon: a new one is a folder and a line here. The first one is the default. */
export const wireFormats: WireFormats = [openAiFormat, openAiResponsesFormat, anthropicFormat];
