import type { ProbedServer } from "./probed-server.ts";

/** One thing that clients need of a server. */
export interface ConformanceCase {
  /** Unique within its area. */
  readonly name: string;
  /** What clients need, as a sentence without a full stop. */
  readonly expected: string;
  /** What clients do where it is otherwise, as it was measured or read in their source. */
  readonly breaks: string;
  /**
   * Resolves with what the server does instead, or `undefined` where it is as expected.
   * @throws CaseEnd
   */
  check(server: ProbedServer): Promise<string | undefined>;
}

/** Cases of one part of the API, in the order in which they run. */
export interface ConformanceArea {
  readonly name: string;
  readonly cases: readonly ConformanceCase[];
}

/**
 * What became of a case: `unsupported` where the server clearly refuses what the case needs, `skipped` where the case
 * could not say anything.
 */
export type Outcome = "pass" | "deviates" | "unsupported" | "skipped";

/** Ends a case early. */
export class CaseEnd extends Error {
  override readonly name: string = "CaseEnd";
  readonly outcome: Exclude<Outcome, "pass">;

  constructor(outcome: Exclude<Outcome, "pass">, message: string) {
    super(message);
    this.outcome = outcome;
  }
}

/** A case with its area and what became of it. */
export interface CaseResult {
  /** Area and name: `chunks/role`. */
  readonly id: string;
  readonly outcome: Outcome;
  readonly expected: string;
  /** What the server does instead, or why nothing can be said; absent where the case passes. */
  readonly got?: string;
  /** Present where the server deviates. */
  readonly breaks?: string;
}
