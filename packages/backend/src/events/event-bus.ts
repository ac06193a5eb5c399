import mittModule, { type Emitter } from "mitt";
import type { InfernodeEvent, InfernodeEventMap } from "./event-map.ts";

/** Takes events. It fits the event sink of every package. */
export interface InfernodeEventSink {
  emit(...event: InfernodeEvent): void;
}

/** An event bus for all packages. A handler that throws affects neither the emitter nor the other handlers. */
export interface EventBus extends InfernodeEventSink {
  /** Adds a handler and returns a function that removes it. */
  on<Name extends keyof InfernodeEventMap>(
    name: Name,
    handler: (payload: InfernodeEventMap[Name]) => void,
  ): () => void;
  /** Adds a handler for every event, called after the handlers of its name. */
  onAny(handler: (...event: InfernodeEvent) => void): () => void;
}

/** What `createEventBus` takes. */
export interface EventBusOptions {
  /** Called with the error that a handler threw. */
  readonly onHandlerError: (error: unknown, eventName: keyof InfernodeEventMap) => void;
}

// Under `module: nodenext`, TypeScript reads the declaration of mitt's default export as CommonJS, although the
// module is the function itself. This is the only file that imports mitt.
const createEmitter = mittModule as unknown as <Events extends Record<string, unknown>>() => Emitter<Events>;

/** Creates an event bus. Handlers run synchronously, in the order in which they were added. */
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
        // `emit` takes name and payload as a pair.
        guard(name, () => handler(...([name, payload] as InfernodeEvent)));
      emitter.on("*", guarded);
      return () => emitter.off("*", guarded);
    },
  };
}
