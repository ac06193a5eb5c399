import { hashText, mixHash } from "../../../text/hash-text.ts";
import type { Candidate } from "./policy.ts";

/**
 * Orders backends by a key, the same in every gateway. Where a backend comes or goes, only keys that have it first
 * move. Weighted rendezvous hashing, which needs no ring of points.
 * @see https://www.ietf.org/archive/id/draft-ietf-bess-weighted-hrw-00.html
 */
export function rankByHash<Each extends Candidate>(key: number, candidates: readonly Each[]): Each[] {
  const scored = candidates.map((candidate) => {
    const share = (mixHash(key ^ hashText(candidate.id)) + 0.5) / 2 ** 32;
    return { candidate, score: -candidate.weight / Math.log(share) };
  });
  return scored.sort((a, b) => b.score - a.score).map(({ candidate }) => candidate);
}
