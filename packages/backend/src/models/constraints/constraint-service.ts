import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ConstraintPort } from "@infernode/inference";
import type {
  ConstraintProgram,
  ConstraintSource,
  TokenMasks,
  TokenTrie,
} from "@infernode/inference/constraint";
import { createResolvers } from "../../create-resolvers.ts";
import { EngineRequestError } from "../../errors.ts";
import type { ConstraintService } from "../../operations/constraint.ts";
import type {
  ConstraintJob,
  ConstraintResult,
  ConstraintThread,
  StartConstraintThread,
  VocabularyBytes,
} from "./constraint-thread.ts";

/** The vocabulary that answers are written with. */
export interface ConstraintTokens {
  readonly vocabSize: number;
  bytesOf(tokenId: number): Uint8Array;
  /** Tokens that are written only where a source asks for them by their spelling. [none] */
  readonly marks?: ReadonlyMap<number, string>;
}

/** What a service of one model works with. */
export interface ConstraintServiceOptions {
  readonly startThread: StartConstraintThread;
  readonly tokens: ConstraintTokens;
  /** A constraint that takes longer to compile fails. */
  readonly timeoutMs: number;
}

/** The constraints of one model; owns a thread. */
export interface EngineConstraints extends ConstraintService {
  dispose(): Promise<void>;
}

/** Constraints that are kept, with the masks that were worked out for them. */
const maxKept = 16;
/** Constraints that wait for the thread. */
const maxWaiting = 64;
/** Programs that wait to be prepared; more are not. */
const maxUnprepared = 4;
/** Programs with more states are not sent to be prepared. */
const maxPreparedStates = 20_000;
const retryAfterMs = 1000;
const treeTimeoutMs = 120_000;
/** Tokens whose bytes are read at a time. */
const tokensPerTurn = 8192;

/**
 * Loads the library where there is a constraint: it has many files, which an engine that starts with few descriptors
 * could not open at once.
 */
async function loadLibrary(): Promise<typeof import("@infernode/inference/constraint")> {
  return import("@infernode/inference/constraint");
}

async function readVocabulary(tokens: ConstraintTokens): Promise<VocabularyBytes> {
  const { markByte, markedTokenBytes } = await loadLibrary();
  const { vocabSize, marks } = tokens;
  /** A token that is no text has no bytes: those of a marked one are not to be written by several tokens. */
  const bytesOf = (tokenId: number): Uint8Array => {
    const mark = marks?.get(tokenId);
    if (mark !== undefined) return markedTokenBytes(mark);
    const bytes = tokens.bytesOf(tokenId);
    return bytes.includes(markByte) ? new Uint8Array() : bytes;
  };
  const starts = new Int32Array(vocabSize + 1);
  let bytes = new Uint8Array(8 * vocabSize);
  let length = 0;
  for (let token = 0; token < vocabSize; token += 1) {
    if (token % tokensPerTurn === 0) await nextTurn();
    const own = bytesOf(token);
    if (length + own.length > bytes.length) {
      const larger = new Uint8Array(2 * (length + own.length));
      larger.set(bytes);
      bytes = larger;
    }
    bytes.set(own, length);
    length += own.length;
    starts[token + 1] = length;
  }
  return { bytes: bytes.slice(0, length), starts };
}

function keyOf(source: ConstraintSource): string {
  return createHash("sha256").update(JSON.stringify(source)).digest("base64");
}

/** Names the field of the request: the part of the source, or what all of it is. */
function withField(error: unknown): unknown {
  if (!(error instanceof EngineRequestError) || error.param !== undefined) return error;
  const { code, message, data } = error;
  const param = typeof data["part"] === "string" ? data["part"] : "constraint";
  return new EngineRequestError({ code, message, data, param }, { cause: error });
}

/** Creates the service of one model. Thread and tree of tokens are made for the first constraint. */
export function createConstraintService(options: ConstraintServiceOptions): EngineConstraints {
  const { startThread, tokens, timeoutMs } = options;
  /** From the one that was used longest ago to the latest. */
  const kept = new Map<string, Promise<ConstraintPort>>();
  let thread: ConstraintThread | undefined;
  let tree: Promise<TokenTrie> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let waitingCount = 0;
  let preparing: Promise<void> = Promise.resolve();
  let unpreparedCount = 0;
  let isDisposed = false;

  const runNow = async (job: ConstraintJob): Promise<ConstraintResult> => {
    if (isDisposed) {
      throw new EngineRequestError({ code: "ENGINE_DISPOSED", message: "the engine was stopped" });
    }
    if (thread === undefined || thread.hasEnded) thread = startThread();
    await thread.ready;
    // The vocabulary is the model's own, and its tree is made once.
    return thread.run(job, job.kind === "tree" ? treeTimeoutMs : timeoutMs);
  };
  /** One job after the other. */
  const run = async (job: ConstraintJob): Promise<ConstraintResult> => {
    const result = last.then(() => runNow(job));
    last = result.catch(() => undefined);
    return result;
  };
  const makeTree = async (): Promise<TokenTrie> => {
    const result = await run({ kind: "tree", vocabulary: await readVocabulary(tokens) });
    if (result.kind !== "tree") {
      throw new TypeError("expected the tree of tokens from the thread for constraints, got a program");
    }
    const { addSharedTokens, fillSampleMasks } = await loadLibrary();
    addSharedTokens(result.tree, result.tokens);
    // The first masks of an answer would take ten times as long with code that was never run.
    for (const sample of result.samples) {
      for (const _ of fillSampleMasks(sample, result.tree)) await nextTurn();
    }
    return result.tree;
  };
  const findTree = async (): Promise<TokenTrie> => {
    tree ??= makeTree();
    try {
      return await tree;
    } catch (error) {
      tree = undefined;
      throw error;
    }
  };
  const hasThread = (): boolean => thread !== undefined && !thread.hasEnded;
  const prepareProgram = async (program: ConstraintProgram, masks: TokenMasks): Promise<void> => {
    let sent: ConstraintProgram | undefined = program;
    while (hasThread()) {
      const result = await run({ kind: "prepare", program: sent });
      if (result.kind !== "tokens") throw new TypeError("expected tokens from the thread for constraints");
      masks.add(result.tokens);
      if (result.isLast) return;
      sent = undefined;
    }
  };
  const prepareAfter = async (
    earlier: Promise<void>,
    program: ConstraintProgram,
    masks: TokenMasks,
  ): Promise<void> => {
    await earlier;
    try {
      await prepareProgram(program, masks);
    } catch {
      // Nothing waits for it: masks that are not prepared are worked out where they are needed.
    } finally {
      unpreparedCount -= 1;
    }
  };
  /** Has the thread walk over the vocabulary while texts begin. */
  const prepareLater = (program: ConstraintProgram, masks: TokenMasks): void => {
    if (unpreparedCount >= maxUnprepared || program.stateCount > maxPreparedStates) return;
    unpreparedCount += 1;
    preparing = prepareAfter(preparing, program, masks);
  };
  const make = async (source: ConstraintSource): Promise<ConstraintPort> => {
    const [result, trie] = await Promise.all([run({ kind: "compile", source }), findTree()]);
    if (result.kind !== "program") throw new TypeError("expected a program from the thread for constraints");
    const { createConstraint, createTokenMasks } = await loadLibrary();
    const masks = createTokenMasks(result.program, trie);
    prepareLater(result.program, masks);
    return createConstraint(masks);
  };
  const find = async (source: ConstraintSource): Promise<ConstraintPort> => {
    const key = keyOf(source);
    const known = kept.get(key);
    if (known !== undefined) {
      kept.delete(key);
      kept.set(key, known);
      return known;
    }
    if (waitingCount >= maxWaiting) {
      const message = `expected at most ${maxWaiting} constraints that wait to be compiled, got one more`;
      throw new EngineRequestError({ code: "QUEUE_FULL", message, data: { retryAfterMs } });
    }
    waitingCount += 1;
    const made = make(source);
    kept.set(key, made);
    for (const oldest of kept.keys()) {
      if (kept.size <= maxKept) break;
      kept.delete(oldest);
    }
    try {
      return await made;
    } catch (error) {
      if (kept.get(key) === made) kept.delete(key);
      throw withField(error);
    } finally {
      waitingCount -= 1;
    }
  };

  return {
    prepare: async (source, signal) => {
      signal.throwIfAborted();
      const call = createResolvers<ConstraintPort>();
      const onAbort = (): void => call.reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      find(source).then(call.resolve, call.reject);
      try {
        return await call.promise;
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    },
    dispose: async () => {
      isDisposed = true;
      await thread?.end();
    },
  };
}
