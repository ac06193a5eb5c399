const lineFeed = 10;
const carriageReturn = 13;
const colonSign = 58;

/** A longer event is passed on in parts. */
const maxHeldBytes = 65_536;

/** The position after the last blank line, which ends an event; 0 where there is none. */
function eventsEnd(bytes: Buffer): number {
  const { length } = bytes;
  if (bytes[length - 1] === lineFeed && bytes[length - 2] === lineFeed) return length;
  const unix = bytes.lastIndexOf("\n\n");
  const dos = bytes.lastIndexOf("\r\n\r\n");
  return Math.max(unix === -1 ? 0 : unix + 2, dos === -1 ? 0 : dos + 4);
}

/** Cuts a stream of server-sent events between events, so that a stream that fails has no half of one. */
export class WholeEvents {
  #rest: Buffer | undefined;
  #isMidEvent = false;

  /** Whether a part of an event that has not ended was given out. */
  get isMidEvent(): boolean {
    return this.#isMidEvent;
  }

  /** The bytes up to the end of the last event; `undefined` where none has ended. */
  push(bytes: Buffer): Buffer | undefined {
    const all = this.#rest === undefined ? bytes : Buffer.concat([this.#rest, bytes]);
    const end = eventsEnd(all);
    if (end === all.length) {
      this.#rest = undefined;
      this.#isMidEvent = false;
      return all;
    }
    if (all.length - end > maxHeldBytes) {
      this.#rest = undefined;
      this.#isMidEvent = true;
      return all;
    }
    this.#rest = end === 0 ? all : all.subarray(end);
    if (end === 0) return undefined;
    this.#isMidEvent = false;
    return all.subarray(0, end);
  }

  /** The bytes after the last event. */
  takeRest(): Buffer | undefined {
    const rest = this.#rest;
    this.#rest = undefined;
    return rest;
  }
}

/** Whether events consist of comments alone, which say nothing but that the connection is alive. */
export function areComments(events: Buffer): boolean {
  let isLineStart = true;
  for (const byte of events) {
    if (isLineStart && byte !== colonSign && byte !== lineFeed && byte !== carriageReturn) return false;
    isLineStart = byte === lineFeed;
  }
  return true;
}
