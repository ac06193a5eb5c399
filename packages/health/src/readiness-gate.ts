import { HealthError } from "./errors.ts";
import type { HealthCheck, HealthStatus } from "./health-status.ts";
import { assertKnownOptions, assertName } from "./options.ts";

/** The reason of a hold: a string, or a function where it changes (`loading weights, 45 %`). */
export type HoldReason = string | (() => string);

/** A check that is unhealthy while a named condition holds the gate: loading, draining, an engine restart. */
export interface ReadinessGate extends HealthCheck {
  readonly isOpen: boolean;
  /** Holds the gate, or replaces the reason of a hold. Returns a function that releases this hold. */
  hold(condition: string, reason: HoldReason): () => void;
  /** Releases a condition; returns whether it held the gate. */
  release(condition: string): boolean;
  check(): HealthStatus;
}

/**
 * Creates a gate; `holds` are its initial conditions. It is unhealthy while held, with the reasons in the order of
 * the holds.
 * @throws HealthError `INVALID_OPTION`
 */
export function createReadinessGate(
  options: { readonly name?: string; readonly holds?: Readonly<Record<string, HoldReason>> } = {},
): ReadinessGate {
  assertKnownOptions("createReadinessGate", options, ["name", "holds"]);
  const { name = "readiness", holds = {} } = options;
  assertName("name", name);
  const held = new Map<string, { readonly reason: HoldReason }>();

  function hold(condition: string, reason: HoldReason): () => void {
    assertName("condition", condition);
    if (reason === "") {
      throw new HealthError(
        "INVALID_OPTION",
        `the reason of the condition "${condition}": expected a non-empty string, got ""`,
      );
    }
    const entry = { reason };
    held.set(condition, entry);
    return () => {
      if (held.get(condition) === entry) held.delete(condition);
    };
  }

  for (const [condition, reason] of Object.entries(holds)) hold(condition, reason);

  return {
    name,
    get isOpen() {
      return held.size === 0;
    },
    hold,
    release: (condition) => held.delete(condition),
    check() {
      const reasons = Array.from(held.values(), ({ reason }) =>
        typeof reason === "string" ? reason : reason(),
      );
      return { status: reasons.length === 0 ? "healthy" : "unhealthy", reasons };
    },
  };
}
