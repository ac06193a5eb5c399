import type {
  ConstraintProgram,
  ConstraintSource,
  PreparedTokens,
  SharedTokens,
  TokenTrie,
} from "@infernode/inference/constraint";
import { type JobThread, type JobThreadErrors, startJobThread } from "../job-thread.ts";

/** The bytes of all tokens behind each other: those of token `t` are from `starts[t]` to `starts[t + 1]`. */
export interface VocabularyBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly starts: Int32Array<ArrayBuffer>;
}

/** What the thread is asked for. */
export type ConstraintJob =
  | { readonly kind: "tree"; readonly vocabulary: VocabularyBytes }
  | { readonly kind: "compile"; readonly source: ConstraintSource }
  /** Works out some of what texts of a program will ask for; without a program, goes on with the latest. */
  | { readonly kind: "prepare"; readonly program: ConstraintProgram | undefined };

export type ConstraintResult =
  /** With what most constraints need of it, and programs of usual schemas. */
  | {
      readonly kind: "tree";
      readonly tree: TokenTrie;
      readonly tokens: SharedTokens;
      readonly samples: readonly ConstraintProgram[];
    }
  | { readonly kind: "program"; readonly program: ConstraintProgram }
  /** `isLast`: there is no more of this program, or no tree in this thread. */
  | { readonly kind: "tokens"; readonly tokens: readonly PreparedTokens[]; readonly isLast: boolean };

/** Compiles one constraint at a time. Ends with `CONSTRAINT_TIMEOUT` and `CONSTRAINT_MEMORY_EXCEEDED`. */
export type ConstraintThread = JobThread<ConstraintJob, ConstraintResult>;

/** Starts a thread that compiles constraints. */
export type StartConstraintThread = () => ConstraintThread;

const loadTimeoutMs = 60_000;
/** Compiling within its limits takes some tens; the tree of a vocabulary of 262,144 tokens takes about a hundred. */
const memoryMib = 512;

const errors: JobThreadErrors = {
  loadTimedOut: (timeoutMs) => ({
    code: "INTERNAL",
    message: `expected the thread for constraints to load within ${timeoutMs} ms, got no end of loading`,
  }),
  timedOut: (timeoutMs) => ({
    code: "CONSTRAINT_TIMEOUT",
    message: `expected the constraint to be compiled within ${timeoutMs} ms, got no result; see engine.promptTimeoutMs`,
    data: { timeoutMs },
  }),
  memoryExceeded: (memoryMib) => ({
    code: "CONSTRAINT_MEMORY_EXCEEDED",
    message: `expected the constraint to be compiled with at most ${memoryMib} MiB of memory, got a need for more`,
    data: { memoryMib },
  }),
  cannotBeCopied: (reason) => ({
    code: "INVALID_CONSTRAINT",
    message: `expected a constraint of plain data, got one that cannot be copied: ${reason}`,
  }),
  subject: "the constraint",
};

/** Starts a thread with the worker's file. */
export function startConstraintThread(entry: URL): ConstraintThread {
  return startJobThread({ entry, loadTimeoutMs, memoryMib, errors });
}

/** Starts a thread of this package. */
export const startPackagedConstraintThread: StartConstraintThread = () =>
  startConstraintThread(new URL("./constraint-worker.js", import.meta.url));
