import type { InfernodeEventSink } from "../../events/event-bus.ts";
import type { GpuVerifierOptions } from "./gpu-verifier.ts";

/** Emits an event when the check of a GPU begins, and one with its result. */
export function reportVerifications(
  events: InfernodeEventSink,
): Pick<GpuVerifierOptions, "onStart" | "onEnd"> {
  return {
    onStart: ({ name, uuid, driver }) =>
      events.emit("backend:gpu-check-started", { device: name, uuid, driver }),
    onEnd: ({ verdict, check, durationMs, notKept }) => {
      const { identity, kernelCount, failure } = verdict;
      events.emit("backend:gpu-checked", {
        device: identity.name,
        uuid: identity.uuid,
        driver: identity.driver,
        kernelCount,
        failure: failure?.text,
        isFromCache: check === undefined,
        durationMs,
        notKept,
      });
    },
  };
}
