/** In the payload of every event, so that one sink can serve several engines. */
export type EngineLabels = {
  readonly model: string;
  /** `engineId` of the engine's options. */
  readonly engine: string;
};

/** Facts about an engine: plain data, after the state changed, per request or per step, never per token. */
export type EngineFactMap = {
  "inference:request-queued": {
    readonly requestId: string;
    readonly promptTokenCount: number;
    readonly n: number;
    /** For each of the `n` answers. */
    readonly maxTokens: number;
  };
  "inference:request-scheduled": { readonly requestId: string; readonly queuedMs: number };
  "inference:first-token": { readonly requestId: string; readonly timeToFirstTokenMs: number };
  "inference:request-finished": {
    readonly requestId: string;
    readonly finishReason: "stop" | "length" | "abort" | "error";
    readonly promptTokenCount: number;
    /** Tokens of the prompt that were cached when it was scheduled. */
    readonly cachedPromptTokenCount: number;
    /** Of all answers together. */
    readonly generatedTokenCount: number;
    readonly longestAnswerTokenCount: number;
    readonly queuedMs: number;
    readonly prefillMs: number;
    readonly decodeMs: number;
    readonly totalMs: number;
  };
  "inference:step-finished": {
    readonly stepMs: number;
    readonly prefillTokenCount: number;
    readonly decodeTokenCount: number;
    readonly runningSequenceCount: number;
    readonly waitingRequestCount: number;
    readonly kvCacheUsage: number;
  };
  "inference:engine-started": { readonly executor: string };
  "inference:engine-stopped": { readonly reason: string };
  /** The engine serves, but cannot be discovered. */
  "inference:registration-failed": { readonly serviceId: string; readonly reason: string };
};

/** The events of an engine, by name. */
export type EngineEventMap = { [Name in keyof EngineFactMap]: EngineLabels & EngineFactMap[Name] };

/** A name and its payload, for each entry of a map. */
type Entry<EventMap> = { [Name in keyof EventMap]: [Name, EventMap[Name]] }[keyof EventMap];

/** A name and its payload, for each event of the map. */
export type EngineEvent = Entry<EngineEventMap>;

/** An event before it is labelled. */
export type EngineFact = Entry<EngineFactMap>;

/** Takes events as a union of tuples, so that a bus with a larger map fits and one with a wrong map does not. */
export interface EngineEventSink {
  /** A property, not a method: methods are compared bivariantly, and a bus with too small a map would fit. */
  readonly emit: (...event: EngineEvent) => void;
}

/** Drops events. */
export const silentEvents: EngineEventSink = { emit: () => {} };
