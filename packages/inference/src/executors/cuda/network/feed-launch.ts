import { feed } from "../kernels/manifests/feed.ts";
import { addressOf, launchOf } from "./launch.ts";
import type { DeviceValue, ProgramStep } from "./program.ts";

const threads = 256;

/** Takes the tokens of a pass that the pass before it sampled, before anything else is written. */
export function feedStep(sampledTokens: DeviceValue): ProgramStep {
  const launch = launchOf(feed, "feed_tokens", {
    grid: ({ tokenCount }) => [Math.ceil(tokenCount / threads), 1, 1],
    block: threads,
    operands: [
      { kind: "input", name: "tokenIds" },
      { kind: "input", name: "tokenSources" },
      addressOf(sampledTokens),
      { kind: "input", name: "tokenCount" },
    ],
  });
  return { variants: [{ fits: () => true, launches: [launch] }], reads: [sampledTokens], writes: [] };
}
