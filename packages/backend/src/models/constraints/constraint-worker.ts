import {
  compileConstraint,
  createTokenTrie,
  listSharedTokens,
  prepareTokens,
  type SharedTokens,
  type TokenTrie,
  warmUpConstraints,
} from "@infernode/inference/constraint";
import { serveJobs } from "../job-thread.ts";
import type { ConstraintJob, ConstraintResult, VocabularyBytes } from "./constraint-thread.ts";

// The entry of a thread for constraints.

/** Walks over the vocabulary for one job: a constraint that waits to be compiled waits for no more. */
const walksPerJob = 4;

function tokensOf({ bytes, starts }: VocabularyBytes): Uint8Array[] {
  return Array.from({ length: starts.length - 1 }, (_, token) =>
    bytes.subarray(starts[token], starts[token + 1]),
  );
}

function takeSome(prepared: Iterator<SharedTokens[number]>): ConstraintResult {
  const tokens: SharedTokens[number][] = [];
  while (tokens.length < walksPerJob) {
    const next = prepared.next();
    if (next.done === true) return { kind: "tokens", tokens, isLast: true };
    tokens.push(next.value);
  }
  return { kind: "tokens", tokens, isLast: false };
}

await serveJobs<ConstraintJob, ConstraintResult>(async () => {
  let tree: TokenTrie | undefined;
  let prepared: Iterator<SharedTokens[number]> | undefined;
  return (job) => {
    switch (job.kind) {
      case "tree":
        tree = createTokenTrie(tokensOf(job.vocabulary));
        warmUpConstraints(tree);
        return { result: { kind: "tree", tree, tokens: listSharedTokens(tree) } };
      case "compile":
        return { result: { kind: "program", program: compileConstraint(job.source) } };
      case "prepare":
        if (job.program !== undefined && tree !== undefined) prepared = prepareTokens(job.program, tree);
        return { result: takeSome(prepared ?? [].values()) };
    }
  };
});
