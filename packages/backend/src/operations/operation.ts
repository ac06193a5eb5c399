import type { InferenceEngine } from "@infernode/inference";
import { BackendError } from "../errors.ts";
import type { AnswerReader } from "../parsers/answer/create-answer-reader.ts";
import type { AdapterService } from "./adapter.ts";
import type { ConstraintService } from "./constraint.ts";
import type { PromptService } from "./prompt.ts";

/**
 * An event of a call: plain data that can be sent between processes. Three types mean the same in every operation:
 * `delta` is a `DeltaEvent`. `accepted` comes first, if at all: the engine has queued the call, and its own limits count
 * it. `restarted` comes from the daemon: the engine crashed, and everything since `accepted` is void and comes again.
 */
export interface CallEvent {
  readonly type: string;
}

/** What operations work with: the loaded model of an engine. */
export interface OperationParts {
  readonly engine: Pick<InferenceEngine, "generate">;
  readonly prompts: PromptService;
  readonly constraints: ConstraintService;
  /** Reads reasoning and calls in answers. */
  readonly answers: AnswerReader;
  readonly adapters: AdapterService;
}

/** How the daemon measures the time to the first token. */
export interface CallTiming<Input, Event extends CallEvent> {
  requestId(input: Input): string;
  /** Whether an event has a token. */
  hasToken(event: Event): boolean;
}

/**
 * An operation on a model. `run` is called in the engine process; the rest states how the daemon treats calls while
 * they wait for an engine, and after a crash. Defaults in brackets.
 */
export interface Operation<Input, Event extends CallEvent> {
  /** Unique in the registry; identifies the operation between the processes. */
  readonly name: string;
  /** Aborting the signal, or leaving the loop, stops the work within one step. */
  run(parts: OperationParts, input: Input, signal: AbortSignal): AsyncIterable<Event>;
  /** Its input has a field `adapter` (`AdapterRef`), which is filled in where a call is on an adapter. [false] */
  readonly takesAdapter?: boolean;
  /** An estimate of the tokens that wait with the call. [0] */
  sizeTokens?(input: Input): number;
  /** The reader can drop its events at `restarted`. [false: a call that has begun fails when the engine crashes] */
  canRestart?(input: Input): boolean;
  /** It is sent to a restarted engine before the suspects of the crash are cleared, since a failure costs little. [false] */
  readonly runsBeforeSuspects?: boolean;
  /** How much an event counts against the limit of a slow reader; a small one is 1. [1] */
  weigh?(event: Event): number;
  /** [not reported] */
  readonly timing?: CallTiming<Input, Event>;
}

/** An operation with any input and events. */
export type AnyOperation = Operation<unknown, CallEvent>;

/** Reads the one event of an operation that has no other. @throws what the call throws; BackendError `ENGINE_PROTOCOL` */
export async function firstEvent<Event extends CallEvent>(events: AsyncIterable<Event>): Promise<Event> {
  for await (const event of events) return event;
  throw new BackendError("ENGINE_PROTOCOL", "expected one event, got the end of the call");
}
