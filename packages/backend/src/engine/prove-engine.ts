import { generate } from "../operations/generate.ts";
import type { EngineCore } from "./engine-core.ts";

/**
 * Generates two tokens, a prefill and a step. A crash here is the engine's own: it has no request yet that could
 * be the cause.
 */
export async function proveEngine(core: EngineCore): Promise<void> {
  const request = {
    id: "proof",
    prompt: { kind: "tokens", tokenIds: [0] },
    stopping: { maxTokens: 2, ignoreEos: true },
  } as const;
  for await (const _ of core.call(generate.name, request, new AbortController().signal));
}
