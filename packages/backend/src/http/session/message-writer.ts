import type { WebSocket } from "ws";

export interface MessageWriterOptions {
  /** How long the client may read nothing of what was sent. */
  readonly writeTimeoutMs: number;
  readonly onStuck: () => void;
}

/** Writes the messages of one WebSocket with back-pressure. */
export interface MessageWriter {
  /** Resolves when the system has taken all of them. @throws Error when the connection has closed */
  readonly send: (messages: readonly string[]) => Promise<void>;
  dispose(): void;
}

/** Creates the writer of a WebSocket. */
export function createMessageWriter(webSocket: WebSocket, options: MessageWriterOptions): MessageWriter {
  const { writeTimeoutMs, onStuck } = options;
  let waitingCount = 0;
  let timer: NodeJS.Timeout | undefined;
  let unreadBytes = 0;

  const watch = (): void => {
    clearTimeout(timer);
    if (waitingCount === 0) return;
    unreadBytes = webSocket.bufferedAmount;
    timer = setTimeout(() => {
      if (webSocket.bufferedAmount >= unreadBytes) onStuck();
      else watch();
    }, writeTimeoutMs);
  };
  return {
    async send(messages) {
      const last = messages.length - 1;
      if (last < 0) return;
      waitingCount += 1;
      if (waitingCount === 1) watch();
      try {
        await new Promise<void>((resolve, reject) => {
          const onWritten = (error?: Error | null): void => (error ? reject(error) : resolve());
          for (const [index, message] of messages.entries()) {
            webSocket.send(message, index === last ? onWritten : undefined);
          }
        });
      } finally {
        waitingCount -= 1;
        if (waitingCount === 0) watch();
      }
    },
    dispose: () => clearTimeout(timer),
  };
}
