import { hermes } from "./hermes.ts";
import type { ToolFormat } from "./tool-format.ts";

/** The formats of tool calls: a new one is a file and a line here. The first whose mark a template has is its own. */
export const toolFormats: readonly ToolFormat[] = [hermes];
