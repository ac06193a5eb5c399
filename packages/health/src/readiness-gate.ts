import { HealthError } from "./errors.ts";
import type { HealthCheck, HealthStatus } from "./health-status.ts";
import { assertKnownOptions, assertName } from "./options.ts";

/** Why something is held: a text, or a function where it changes (`loading weights, 45 %`). */
export type HoldReason = string | (() => string);

/** Is not ready while any named condition holds it: loading, draining, an engine that restarts. */
export interface ReadinessGate extends HealthCheck {
  readonly isOpen: boolean;
  /** Holds the gate, or says anew why it is held. Answers a function that lets go of this condition. */
  hold(condition: string, reason: HoldReason): () => void;
  /** Lets go of a condition; answers whether it held. */
  release(condition: string): boolean;
  check(): HealthStatus;
}

/**
 * Creates a gate that is open unless `holds` names conditions from the start. Unhealthy while held, with the
 * reasons in the order in which the conditions began.
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
    assertName("a condition's name", condition);
    if (reason === "") {
      throw new HealthError(
        "INVALID_OPTION",
        `the condition "${condition}" must say why, found an empty reason`,
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
