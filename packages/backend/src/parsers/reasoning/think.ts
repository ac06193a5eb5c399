import { markedReasoning } from "./marked-reasoning.ts";
import type { ReasoningFormat } from "./reasoning-format.ts";

/** Qwen 3, DeepSeek R1 and V3.1, SmolLM3, and many others. */
export const think: ReasoningFormat = markedReasoning({
  name: "think",
  starts: ["<think>"],
  ends: ["</think>"],
});
