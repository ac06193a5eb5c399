import {
  compileConstraint,
  createTokenTrie,
  listSharedTokens,
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

await serveJobs<ConstraintJob, ConstraintResult>(async () => (job) => {
  if (job.kind === "tree") {
    const tree = createTokenTrie(tokensOf(job.vocabulary));
    warmUpConstraints(tree);
    return { result: { kind: "tree", tree, tokens: listSharedTokens(tree) } };
  }
  return { result: { kind: "program", program: compileConstraint(job.source) } };
});
