import { request, type Agent, type IncomingMessage } from "node:http";

/** How a request ended for its client. */
export type Outcome =
  /** 200, and a stream's `[DONE]`. */
  | { readonly kind: "whole"; readonly text: string; readonly ms: number }
  /** Any other status. */
  | {
      readonly kind: "refused";
      readonly status: number;
      readonly code: string;
      readonly retryAfterS: number;
      readonly ms: number;
    }
  /** A stream that ended with an error event. */
  | {
      readonly kind: "failed";
      readonly code: string;
      /** As a gateway says it. */
      readonly backend: string | undefined;
      readonly ms: number;
    }
  /** The connection closed without a response or an error event: this must not happen. */
  | { readonly kind: "cut"; readonly why: string; readonly ms: number }
  /** Aborted by the client. */
  | { readonly kind: "aborted"; readonly ms: number };

export interface Question {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface AskOptions {
  /** [a new connection] */
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
  /** A request without a response after this long counts as cut. [120000] */
  readonly timeoutMs?: number;
}

interface Choice {
  readonly text?: string;
  readonly delta?: { readonly content?: string | null };
  readonly message?: { readonly content?: string | null };
}

interface Answer {
  readonly choices?: readonly Choice[];
  readonly error?: { readonly code?: string | null; readonly message?: string; readonly type?: string };
}

const textOf = ({ choices = [] }: Answer): string =>
  choices
    .map(({ text, delta, message }) => text ?? delta?.content ?? message?.content ?? "")
    .join("\n")
    .trimEnd();

const codeOf = ({ error }: Answer): string => error?.code ?? error?.type ?? "none";

async function readText(response: IncomingMessage): Promise<string> {
  response.setEncoding("utf8");
  let text = "";
  for await (const part of response) text += String(part);
  return text;
}

function settleStream(text: string, ms: number, backend: string | undefined): Outcome {
  let joined = "";
  for (const line of text.split("\n")) {
    if (!line.startsWith("data: ")) continue;
    if (line === "data: [DONE]") return { kind: "whole", text: joined, ms };
    const chunk = JSON.parse(line.slice(6)) as Answer;
    if (chunk.error !== undefined) return { kind: "failed", code: codeOf(chunk), backend, ms };
    joined += textOf({ choices: chunk.choices ?? [] });
  }
  return { kind: "cut", why: "the stream ended without [DONE] and without an error", ms };
}

function parseAnswer(text: string): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    return { error: { code: "no-json" } };
  }
}

/** Sends a request and returns how it ended; never throws. */
export async function ask(url: string, question: Question, options: AskOptions = {}): Promise<Outcome> {
  const { signal, timeoutMs = 120_000 } = options;
  const startedAt = performance.now();
  const elapsed = (): number => performance.now() - startedAt;
  let isReused = false;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signals = signal === undefined ? [timeout] : [signal, timeout];
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = request(`${url}${question.path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        agent: options.agent ?? false,
        signal: AbortSignal.any(signals),
      });
      sent.on("response", resolve).on("error", (error) => {
        isReused = sent.reusedSocket;
        reject(error);
      });
      sent.end(JSON.stringify(question.body));
    });
    const text = await readText(response);
    const status = response.statusCode ?? 0;
    if (status !== 200) {
      const retryAfterS = Number(response.headers["retry-after"] ?? Number.NaN);
      return { kind: "refused", status, code: codeOf(parseAnswer(text)), retryAfterS, ms: elapsed() };
    }
    if (question.body["stream"] === true) {
      const backend = response.headers["x-infernode-backend"];
      return settleStream(text, elapsed(), typeof backend === "string" ? backend : undefined);
    }
    return { kind: "whole", text: textOf(parseAnswer(text)), ms: elapsed() };
  } catch (error) {
    if (signal?.aborted === true) return { kind: "aborted", ms: elapsed() };
    const what = `${String(error)}${isReused ? " on a kept-alive connection" : ""}`;
    const why = timeout.aborted ? `no answer within ${timeoutMs} ms` : what;
    return { kind: "cut", why, ms: elapsed() };
  }
}
