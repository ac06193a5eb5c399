import { granite } from "./granite.ts";
import { harmony } from "./harmony.ts";
import { mistral } from "./mistral.ts";
import type { ReasoningFormat } from "./reasoning-format.ts";
import { think } from "./think.ts";

/** The formats of reasoning: a new one is a file and a line here. The first whose mark a template has is its own. */
export const reasoningFormats: readonly ReasoningFormat[] = [mistral, granite, harmony, think];
