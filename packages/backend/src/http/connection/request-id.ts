import { randomUUID } from "node:crypto";

const sane = /^[\w.:/+=@-]{1,128}$/;

/** The client's `x-request-id` if it is a word of at most 128 characters; else a new one. */
export function takeRequestId(header: string | readonly string[] | undefined, ids: () => string): string {
  return typeof header === "string" && sane.test(header) ? header : `req_${ids()}`;
}

/** Generates an id of 32 hexadecimal digits. */
export function randomId(): string {
  return randomUUID().replaceAll("-", "");
}
