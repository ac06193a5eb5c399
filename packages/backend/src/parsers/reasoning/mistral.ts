import { markedReasoning } from "./marked-reasoning.ts";
import type { ReasoningFormat } from "./reasoning-format.ts";

/** Magistral. */
export const mistral: ReasoningFormat = markedReasoning({
  name: "mistral",
  starts: ["[THINK]"],
  ends: ["[/THINK]"],
});
