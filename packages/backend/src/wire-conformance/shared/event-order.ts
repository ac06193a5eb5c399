import type { StreamEvent } from "./answer.ts";

/** A kind of event in an order: the letter that stands for it, and how its name is known. */
export type EventKind = readonly [letter: string, name: RegExp];

/** The names of events, without those that follow each other. */
function namesOf(events: readonly StreamEvent[]): readonly string[] {
  return events.map(({ name }) => name ?? "no name").filter((name, at, all) => name !== all[at - 1]);
}

/**
 * Holds the order of named events against a pattern over the letters of their kinds; other events have the letter `?`.
 * Returns the names if it does not match.
 */
export function findDisorder(
  events: readonly StreamEvent[],
  kinds: readonly EventKind[],
  pattern: RegExp,
): string | undefined {
  const letters = events.map(({ name = "" }) => kinds.find(([, known]) => known.test(name))?.[0] ?? "?");
  return pattern.test(letters.join("")) ? undefined : namesOf(events).join(", ") || "no events";
}

/** The first event whose name is not the type in its data. */
export function findMisnamed(events: readonly StreamEvent[]): string | undefined {
  if (events.length === 0) return "no events";
  const other = events.find(
    ({ name, json }) => name === undefined || name !== (json as { type?: unknown })?.type,
  );
  return other === undefined ? undefined : `${other.name ?? "no name"} with ${other.data.slice(0, 100)}`;
}
