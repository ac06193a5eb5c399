export interface StreamedCompletion {
  readonly timeToFirstTokenMs: number;
  readonly totalMs: number;
  readonly promptTokenCount: number;
  readonly completionTokenCount: number;
  /** Gaps between the client's chunks of text. */
  readonly gapsMs: readonly number[];
}

interface CompletionChunk {
  readonly choices: readonly { readonly text: string }[];
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
  readonly error?: { readonly message: string };
}

/** Sends one streaming completion and times its chunks. Throws unless the answer is complete. */
export async function streamCompletion(
  url: string,
  body: Readonly<Record<string, unknown>>,
): Promise<StreamedCompletion> {
  const startedAt = performance.now();
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
  });
  if (!response.ok || response.body === null) throw new Error(`${response.status}: ${await response.text()}`);
  const arrivals: number[] = [];
  let usage: CompletionChunk["usage"];
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of response.body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
      const chunk = JSON.parse(line.slice(6)) as CompletionChunk;
      if (chunk.error !== undefined) throw new Error(chunk.error.message);
      if (chunk.usage) usage = chunk.usage;
      if (chunk.choices.some((choice) => choice.text !== "")) arrivals.push(performance.now());
    }
  }
  const first = arrivals[0];
  if (first === undefined || !usage) throw new Error("the stream ended without text or without usage");
  return {
    timeToFirstTokenMs: first - startedAt,
    totalMs: performance.now() - startedAt,
    promptTokenCount: usage.prompt_tokens,
    completionTokenCount: usage.completion_tokens,
    gapsMs: arrivals.slice(1).map((at, index) => at - (arrivals[index] ?? at)),
  };
}
