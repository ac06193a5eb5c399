import { randomUUID } from "node:crypto";

const sane = /^[\w.:/+=@-]{1,128}$/;

/** Takes the client's `x-request-id` where it is a plain word of at most 128 characters; else makes one. */
export function takeRequestId(header: string | readonly string[] | undefined, ids: () => string): string {
  return typeof header === "string" && sane.test(header) ? header : `req_${ids()}`;
}

/** Makes ids of 32 hexadecimal digits. */
export function randomId(): string {
  return randomUUID().replaceAll("-", "");
}
