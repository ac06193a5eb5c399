import {
  compileConstraint,
  compileSamples,
  createTokenTrie,
  listSharedTokens,
  type PreparedTokens,
  prepareTokens,
  type TokenTrie,
  warmUpConstraints,
} from "@infernode/inference/constraint";
import { serveJobs } from "../job-thread.ts";
import type { ConstraintJob, ConstraintResult, VocabularyBytes } from "./constraint-thread.ts";

// The entry of a thread for constraints.

function tokensOf({ bytes, starts }: VocabularyBytes): Uint8Array[] {
  return Array.from({ length: starts.length - 1 }, (_, token) =>
    bytes.subarray(starts[token], starts[token + 1]),
  );
}

/** One batch at a time: a constraint that waits to be compiled waits for no more. */
function takeBatch(prepared: Iterator<readonly PreparedTokens[]> | undefined): ConstraintResult {
  const next = prepared?.next();
  if (next === undefined || next.done === true) return { kind: "tokens", tokens: [], isLast: true };
  return { kind: "tokens", tokens: next.value, isLast: false };
}

await serveJobs<ConstraintJob, ConstraintResult>(async () => {
  let tree: TokenTrie | undefined;
  let prepared: Iterator<readonly PreparedTokens[]> | undefined;
  return (job) => {
    switch (job.kind) {
      case "tree":
        tree = createTokenTrie(tokensOf(job.vocabulary));
        warmUpConstraints(tree);
        return { result: { kind: "tree", tree, tokens: listSharedTokens(tree), samples: compileSamples() } };
      case "compile":
        return { result: { kind: "program", program: compileConstraint(job.source) } };
      case "prepare":
        if (job.program !== undefined && tree !== undefined) prepared = prepareTokens(job.program, tree);
        return { result: takeBatch(prepared) };
    }
  };
});
