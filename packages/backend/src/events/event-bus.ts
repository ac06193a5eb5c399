import mittModule, { type Emitter } from "mitt";
import type { InfernodeEvent, InfernodeEventMap } from "./event-map.ts";

/** Takes events; every package's own sink fits. */
export interface InfernodeEventSink {
  emit(...event: InfernodeEvent): void;
}

/** Events of all packages. A handler that throws harms neither the emitter nor the other handlers. */
export interface EventBus extends InfernodeEventSink {
  /** Answers a function that takes the handler off. */
  on<Name extends keyof InfernodeEventMap>(
    name: Name,
    handler: (payload: InfernodeEventMap[Name]) => void,
  ): () => void;
  /** Hears every event, after the handlers of its name. */
  onAny(handler: (...event: InfernodeEvent) => void): () => void;
}

/** What `createEventBus` takes. */
export interface EventBusOptions {
  /** Told of what a handler threw. */
  readonly onHandlerError: (error: unknown, eventName: keyof InfernodeEventMap) => void;
}

// Under `module: nodenext` the declaration of mitt's default export is read as CommonJS, which hides
// that the module is the function itself. This is the only place that imports it.
const createEmitter = mittModule as unknown as <Events extends Record<string, unknown>>() => Emitter<Events>;

/** Creates a bus; handlers run synchronously, in the order in which they were added. */
export function createEventBus(options: EventBusOptions): EventBus {
  const emitter = createEmitter<InfernodeEventMap>();
  const guard = (eventName: keyof InfernodeEventMap, call: () => void): void => {
    try {
      call();
    } catch (error) {
      options.onHandlerError(error, eventName);
    }
  };
  return {
    emit: (...[name, payload]) => emitter.emit(name, payload),
    on: (name, handler) => {
      const guarded = (payload: InfernodeEventMap[typeof name]): void => guard(name, () => handler(payload));
      emitter.on(name, guarded);
      return () => emitter.off(name, guarded);
    },
    onAny: (handler) => {
      const guarded = (name: keyof InfernodeEventMap, payload: unknown): void =>
        // The name and the payload were a pair when they were emitted.
        guard(name, () => handler(...([name, payload] as InfernodeEvent)));
      emitter.on("*", guarded);
      return () => emitter.off("*", guarded);
    },
  };
}
