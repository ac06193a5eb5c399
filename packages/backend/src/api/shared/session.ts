import type { ApiContext } from "./codec.ts";
import type { ApiError } from "./api-error.ts";

/** The connection of a session, and what the server does for it. */
export interface SessionPeer {
  /** Sends messages, one after the other; resolves when the connection can take more. @throws when it has closed */
  send(messages: readonly string[]): Promise<void>;
  /** Leaves out what a lenient server ignores, and says so in the log. */
  leaveOut(body: unknown, namesOf: (body: unknown) => readonly string[]): unknown;
  readonly requestId: string;
}

/** A conversation over one connection: JSON messages in, events out. */
export interface Session {
  /** Whether a response runs or waits. */
  readonly isBusy: boolean;
  /** Responses that have begun. */
  readonly responseCount: number;
  /**
   * Takes a message; resolves when the next one may come.
   * @param release called once the message is not needed any more, which may be later
   */
  receive(message: unknown, release: () => void): Promise<void>;
  /** Says why a message could not be read. */
  reject(error: ApiError): Promise<void>;
  /** From now on nothing begins; resolves when what runs has been sent to its end. */
  drain(): Promise<void>;
  /** The connection has closed. */
  close(): void;
}

/** What the WebSockets of one path speak. */
export interface SessionFormat {
  readonly path: string;
  open(peer: SessionPeer, context: ApiContext): Session;
}
