import { once } from "node:events";
import { WebSocket, type ClientOptions } from "ws";

export type SessionEvent = Record<string, unknown> & { readonly type: string };

/** A client of a session, for tests. */
export interface TestSession extends Disposable {
  readonly webSocket: WebSocket;
  /** All events so far. */
  readonly events: readonly SessionEvent[];
  send(message: unknown): void;
  /** Resolves with the next event that has not been taken. @throws when the session closes before that */
  next(): Promise<SessionEvent>;
  /** Resolves with the events up to one of these types. */
  until(...types: readonly string[]): Promise<SessionEvent[]>;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
}

/** The types that end a response. */
export const lastTypes = ["response.completed", "response.incomplete", "response.failed"] as const;

/** Opens a session of responses. */
export async function openSession(
  url: string,
  options: ClientOptions & { readonly protocols?: string[] } = {},
): Promise<TestSession> {
  const { protocols = [], ...rest } = options;
  const webSocket = new WebSocket(`${url.replace(/^http/, "ws")}/v1/responses`, protocols, rest);
  const events: SessionEvent[] = [];
  let takenCount = 0;
  let wake: () => void = () => undefined;
  let end: { readonly code: number; readonly reason: string } | undefined;
  webSocket.on("message", (data: Buffer) => {
    events.push(JSON.parse(data.toString()) as SessionEvent);
    wake();
  });
  const closed = new Promise<{ readonly code: number; readonly reason: string }>((resolve) => {
    webSocket.once("close", (code, reason) => {
      end = { code, reason: reason.toString() };
      resolve(end);
      wake();
    });
  });
  await once(webSocket, "open");
  // A connection that is cut is no failure of a test.
  webSocket.on("error", () => undefined);

  const next = async (): Promise<SessionEvent> => {
    for (;;) {
      const event = events[takenCount];
      if (event !== undefined) {
        takenCount += 1;
        return event;
      }
      if (end !== undefined) throw new Error(`the session closed with ${end.code} ${end.reason}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return {
    webSocket,
    events,
    closed,
    next,
    send: (message) => webSocket.send(typeof message === "string" ? message : JSON.stringify(message)),
    async until(...types) {
      const taken: SessionEvent[] = [];
      for (;;) {
        const event = await next();
        taken.push(event);
        if (types.includes(event.type)) return taken;
      }
    },
    [Symbol.dispose]: () => webSocket.terminate(),
  };
}
