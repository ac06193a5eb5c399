import type { Logger } from "pino";

const plainName = /^[\w.-]{1,64}$/;

/** A body without the parameters that a lenient server ignores, and their names as they are shown. */
export interface LenientBody {
  readonly body: unknown;
  readonly ignored: readonly string[];
}

/** Leaves out parameters that a lenient server ignores, and says so in the log. */
export function leaveOut(
  body: unknown,
  names: readonly string[],
  { logger, requestId }: { readonly logger: Logger; readonly requestId: string },
): LenientBody {
  if (names.length === 0) return { body, ignored: [] };
  // A name may be any text, and there may be many.
  const shown = names.slice(0, 32).map((name) => (plainName.test(name) ? name : "[not a name]"));
  const ignored = names.length > shown.length ? [...shown, "..."] : shown;
  logger.warn({ requestId, ignoredParameters: ignored }, "parameters were ignored");
  const left = new Set(names);
  return {
    body: Object.fromEntries(Object.entries(body as object).filter(([name]) => !left.has(name))),
    ignored,
  };
}
