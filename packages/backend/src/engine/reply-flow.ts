import type { QueueFlow } from "./async-queue.ts";
import type { EngineReply } from "./engine-client.ts";

/** A delta of text counts as one, a candidate of a log-probability too: each is an object of some hundred bytes. */
function weigh(reply: EngineReply): number {
  const logprobs =
    reply.type === "delta"
      ? reply.delta.logprobs
      : reply.type === "prompt-logprobs"
        ? reply.logprobs
        : undefined;
  if (logprobs === undefined) return 1;
  return logprobs.reduce((sum, entry) => sum + 1 + (entry?.top.length ?? 0), 1);
}

/** How much of one call's answer may wait for its reader; the rest waits where it takes least. */
export function replyFlow(tell: { onFull(): void; onRoom(): void }): QueueFlow<EngineReply> {
  return { weigh, high: 1000, low: 250, ...tell };
}
