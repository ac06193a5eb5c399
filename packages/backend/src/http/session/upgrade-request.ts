import { IncomingMessage } from "node:http";

/** Where `upgrade` keeps what the parser says. */
const asked = Symbol("asked");

function isWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === "GET" && headers.upgrade?.toLowerCase() === "websocket";
}

/**
 * Creates the class of a server's requests. Node.js hands every request with `upgrade` to the server's listener, if it
 * has one, and the request is no ordinary one any more; here only WebSockets of some paths are. Others, such as the
 * `upgrade: h2c` of several clients, are answered as if they had no such header.
 */
export function createUpgradeRequest(hasSession: (target: string) => boolean): typeof IncomingMessage {
  return class UpgradeRequest extends IncomingMessage {
    declare [asked]: boolean | null;

    /** Node.js sets it before the method and the headers are known, and reads it after that. */
    get upgrade(): boolean {
      if (this[asked] !== true) return false;
      return this.method === "CONNECT" || (isWebSocket(this) && hasSession(this.url ?? ""));
    }

    set upgrade(value: boolean | null) {
      this[asked] = value;
    }
  };
}
