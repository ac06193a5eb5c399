import { setTimeout as sleep } from "node:timers/promises";
import { ask, type AskOptions, type Outcome, type Question } from "./ask.ts";

export interface HonestLoadOptions {
  readonly url: string;
  readonly clientCount: number;
  question(client: number, round: number): Question;
  onOutcome(outcome: Outcome, question: Question): void;
  readonly askOptions?: AskOptions;
}

/** Clients that send requests in a loop, and wait when they are refused. */
export interface HonestLoad {
  /** Lets every client finish its request. */
  stop(): Promise<void>;
}

export function startHonestLoad(options: HonestLoadOptions): HonestLoad {
  const stopping = new AbortController();
  const client = async (index: number): Promise<void> => {
    for (let round = 0; !stopping.signal.aborted; round += 1) {
      const question = options.question(index, round);
      const outcome = await ask(options.url, question, options.askOptions);
      options.onOutcome(outcome, question);
      if (outcome.kind !== "whole") await sleep(50);
    }
  };
  const clients = Array.from({ length: options.clientCount }, (_, index) => client(index));
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(clients);
    },
  };
}
