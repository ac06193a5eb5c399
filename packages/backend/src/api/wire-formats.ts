import { openAiFormat } from "./openai/openai-format.ts";
import type { WireFormats } from "./shared/wire-format.ts";

/** What a daemon speaks: a new wire format is a folder and a line here. The first one is the default. */
export const wireFormats: WireFormats = [openAiFormat];
