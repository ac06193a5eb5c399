import { markedReasoning } from "./marked-reasoning.ts";
import type { ReasoningFormat } from "./reasoning-format.ts";

/** Granite 3.2 and 3.3, in prose. */
export const granite: ReasoningFormat = markedReasoning({
  name: "granite",
  starts: ["Here is my thought process:", "Here's my thought process:"],
  ends: ["Here is my response:", "Here's my response:"],
});
