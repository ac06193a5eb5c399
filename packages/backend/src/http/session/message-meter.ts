import type { BodyShare } from "../body/body-budget.ts";

/** What the header of a masked control frame takes. */
const controlHeaderBytes = 6;

export interface MessageMeterOptions {
  /** The memory of a message that arrives. */
  readonly openShare: () => BodyShare;
  /** What a message takes for each of its bytes. */
  readonly memoryPerByte: number;
  /** Time in which a message must arrive. */
  readonly timeoutMs: number;
  readonly onLate: () => void;
  readonly onNoRoom: () => void;
}

/** Counts the bytes of a message that has not arrived whole, and limits its time. */
export interface MessageMeter {
  /** Bytes came from the socket. */
  add(sizeBytes: number): void;
  /** A ping or a pong was among them. */
  control(sizeBytes: number): void;
  /** A message is whole; returns the memory that it holds until it is released. */
  take(): BodyShare;
  dispose(): void;
}

/** Creates the meter of one connection. */
export function createMessageMeter(options: MessageMeterOptions): MessageMeter {
  const { openShare, memoryPerByte, timeoutMs, onLate, onNoRoom } = options;
  let share = openShare();
  let partialBytes = 0;
  let timer: NodeJS.Timeout | undefined;

  const watch = (): void => {
    if (partialBytes === 0) {
      clearTimeout(timer);
      timer = undefined;
    } else if (timeoutMs > 0) {
      timer ??= setTimeout(onLate, timeoutMs);
    }
  };
  return {
    add(sizeBytes) {
      partialBytes += sizeBytes;
      watch();
      if (!share.grow(sizeBytes * memoryPerByte)) onNoRoom();
    },
    control(sizeBytes) {
      partialBytes = Math.max(0, partialBytes - sizeBytes - controlHeaderBytes);
      share.settle(partialBytes * memoryPerByte);
      watch();
    },
    take() {
      const taken = share;
      share = openShare();
      partialBytes = 0;
      watch();
      return taken;
    },
    dispose() {
      clearTimeout(timer);
      share.release();
    },
  };
}
