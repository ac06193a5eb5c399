import type { InferenceEngine } from "@infernode/inference";
import type { PromptService } from "./prompt.ts";

/**
 * A part of an answer, as it crosses between processes: plain data. Two types mean the same in every operation.
 * `accepted` comes first, where there is one: the engine has queued the call, and its own limits count it.
 * `restarted` is made by the daemon: the engine crashed, and what came since `accepted` comes anew.
 */
export interface CallEvent {
  readonly type: string;
}

/** What operations run on: the loaded model of an engine process. */
export interface OperationParts {
  readonly engine: Pick<InferenceEngine, "generate">;
  readonly prompts: PromptService;
}

/** When the daemon reports the time to the first token. */
export interface CallTiming<Input, Event extends CallEvent> {
  requestId(input: Input): string;
  /** Whether an event carries a token. */
  hasToken(event: Event): boolean;
}

/**
 * One thing that a model can be asked for. `run` works in the engine process; the rest states how the daemon
 * keeps a call while no engine has it, and after a crash. Defaults in brackets.
 */
export interface Operation<Input, Event extends CallEvent> {
  /** What the call is named between the processes; unique in the registry. */
  readonly name: string;
  /** Aborting the signal, or leaving the loop, stops the work within one step. */
  run(parts: OperationParts, input: Input, signal: AbortSignal): AsyncIterable<Event>;
  /** About how many tokens the call adds to those that wait. [0] */
  sizeTokens?(input: Input): number;
  /** Its reader can drop the events that it has, for `restarted`. [false: a call that has begun fails with the engine] */
  canRestart?(input: Input): boolean;
  /** It is given to a restarted engine before the suspects of the crash are cleared: failing with one costs little. [false] */
  readonly runsBeforeSuspects?: boolean;
  /** How much of what may wait for a slow reader an event takes; a small one is 1. [1] */
  weigh?(event: Event): number;
  /** [not reported] */
  readonly timing?: CallTiming<Input, Event>;
}

/** An operation of which only the common part is known. */
export type AnyOperation = Operation<unknown, CallEvent>;
