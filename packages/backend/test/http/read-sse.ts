/** The `data` of each event of a whole stream; comments are left out. */
export function readSse(text: string): string[] {
  return text
    .split("\n\n")
    .filter((event) => event.startsWith("data: "))
    .map((event) => event.slice("data: ".length));
}

export interface AnyChunk {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
  readonly choices: readonly {
    readonly index: number;
    readonly delta: Record<string, unknown>;
    readonly text: string;
    readonly logprobs: unknown;
    readonly finish_reason: string | null;
  }[];
  readonly usage?: Record<string, unknown> | null;
}

/** The chunks of a stream that must end with `[DONE]`. */
export function readChunks(text: string): AnyChunk[] {
  const events = readSse(text);
  if (events.at(-1) !== "[DONE]") throw new Error(`the stream must end with [DONE]; found ${events.at(-1)}`);
  return events.slice(0, -1).map((event) => JSON.parse(event) as AnyChunk);
}
