import { setTimeout as sleep } from "node:timers/promises";
import { supported } from "../shared/answer.ts";
import { askChat, chatBody, chatPath } from "../shared/chat-requests.ts";
import { CaseEnd, type ConformanceArea } from "../shared/conformance-case.ts";
import type { OpenAnswer, ProbedServer } from "../shared/probed-server.ts";
import { countRunning } from "../shared/running-requests.ts";

/** How soon a server notices. */
const limitMs = 2000;
const intervalMs = 20;

/** Waits for a number of requests that are computed. Resolves with whether it came in time. */
async function waitForRunning(server: ProbedServer, isRight: (count: number) => boolean): Promise<boolean> {
  const endMs = performance.now() + limitMs;
  while (performance.now() < endMs) {
    if (isRight((await countRunning(server)) ?? 0)) return true;
    await sleep(intervalMs);
  }
  return false;
}

/** Waits until the server says that it computes. */
async function seeRunning(server: ProbedServer): Promise<void> {
  if (await waitForRunning(server, (count) => count > 0)) return;
  throw new CaseEnd("skipped", `the server did not say within ${limitMs} ms that it computes an answer`);
}

/** Opens a long answer, leaves it as soon as `isBegun`, and says whether the server goes on computing. */
async function leave(
  server: ProbedServer,
  stream: boolean,
  isBegun: (answer: OpenAnswer) => Promise<unknown>,
): Promise<string | undefined> {
  supported(await askChat(server));
  const before = await countRunning(server);
  if (before === undefined) {
    throw new CaseEnd("skipped", "the server does not say what it computes: no metrics of vLLM or llama.cpp");
  }
  if (before > 0) throw new CaseEnd("skipped", "the server computes answers of others");
  // As long as the model likes.
  const answer = server.open(chatPath, chatBody(server, { max_tokens: undefined, temperature: 1, stream }));
  answer.begun.catch(() => undefined);
  try {
    await isBegun(answer);
  } finally {
    answer.abort();
  }
  const isLeft = await waitForRunning(server, (count) => count === 0);
  return isLeft ? undefined : `still computed after ${limitMs} ms`;
}

/** What becomes of answers whose clients have left. */
export const abort: ConformanceArea = {
  name: "abort",
  cases: [
    {
      name: "stream",
      expected: `a stream that is left is not computed any more after ${limitMs} ms`,
      breaks: "none; but the server computes for nobody, and others wait",
      check: (server) => leave(server, true, ({ begun }) => begun),
    },
    {
      name: "whole",
      expected: `an answer that nobody waits for is not computed any more after ${limitMs} ms`,
      breaks: "none; but the server computes for nobody, and others wait",
      check: (server) => leave(server, false, () => seeRunning(server)),
    },
  ],
};
