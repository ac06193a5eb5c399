import { postJson } from "./post-json.ts";
import type { TestDaemon } from "./start-daemon.ts";

/** The log-probability of each token of a text but the first, as the model of the daemon rates it. */
export async function rateText(daemon: TestDaemon, model: string, text: string): Promise<readonly number[]> {
  const body = { model, prompt: text, max_tokens: 0, echo: true, logprobs: 0 };
  const answer = await postJson(`${daemon.url}/v1/completions`, body);
  const [choice] = answer.body["choices"] as { logprobs: { token_logprobs: (number | null)[] } }[];
  return choice?.logprobs.token_logprobs.slice(1).map(Number) ?? [];
}

/**
 * How far two ratings of a text are from one another, on average. Other than texts, which differ where two tokens are
 * nearly as likely, it hardly depends on the processor's way to compute.
 */
export function meanDistance(found: readonly number[], wanted: readonly number[]): number {
  return (
    found.reduce((sum, value, at) => sum + Math.abs(value - (wanted[at] ?? Number.NaN)), 0) / found.length
  );
}
