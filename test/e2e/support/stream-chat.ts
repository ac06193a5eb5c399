import OpenAI from "openai";

/** A client as users make it; it must not hide failures behind its own retries. */
export function createClient(url: string): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
}

export interface RunningStream {
  /** Resolves at the first text. */
  readonly started: Promise<void>;
  /** Resolves with the text and the finish reason, rejects as the client does. */
  readonly ended: Promise<{ readonly text: string; readonly finishReason: string | undefined }>;
  abort(): void;
}

/** Streams a completion that runs to `maxTokens`, whatever the model would say. */
export function streamCompletion(
  client: OpenAI,
  options: { readonly model: string; readonly maxTokens: number },
): RunningStream {
  const controller = new AbortController();
  let tellStarted = (): void => undefined;
  let tellFailed: (error: unknown) => void = () => undefined;
  const started = new Promise<void>((resolve, reject) => {
    tellStarted = resolve;
    tellFailed = reject;
  });
  started.catch(() => undefined);
  const run = async (): Promise<{ readonly text: string; readonly finishReason: string | undefined }> => {
    const extras = { ignore_eos: true };
    const stream = await client.completions.create(
      {
        model: options.model,
        prompt: "Once upon a time",
        max_tokens: options.maxTokens,
        temperature: 0,
        stream: true,
        ...extras,
      },
      { signal: controller.signal },
    );
    let text = "";
    let finishReason: string | undefined;
    for await (const chunk of stream) {
      const [choice] = chunk.choices;
      text += choice?.text ?? "";
      finishReason = choice?.finish_reason ?? finishReason;
      if (text !== "") tellStarted();
    }
    return { text, finishReason };
  };
  const ended = run();
  ended.catch(tellFailed);
  return { started, ended, abort: () => controller.abort() };
}
