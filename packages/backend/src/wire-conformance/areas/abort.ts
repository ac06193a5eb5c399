import { setTimeout as sleep } from "node:timers/promises";
import { supported } from "../shared/answer.ts";
import { askChat, chatBody, chatPath } from "../shared/chat-requests.ts";
import { CaseEnd, type ConformanceArea } from "../shared/conformance-case.ts";
import type { OpenAnswer, ProbedServer } from "../shared/probed-server.ts";
import { countRunning } from "../shared/running-requests.ts";

/** How soon a server notices. */
const limitMs = 2000;
const intervalMs = 20;
/** How many answers may be over before the server has said that it computes them. */
const mostAttempts = 20;

/** A long answer: as long as the model likes. */
function openLong(server: ProbedServer, stream: boolean): OpenAnswer {
  return server.open(chatPath, chatBody(server, { max_tokens: undefined, temperature: 1, stream }));
}

async function openStream(server: ProbedServer): Promise<OpenAnswer> {
  const answer = openLong(server, true);
  try {
    await answer.begun;
    return answer;
  } catch (error) {
    answer.abort();
    throw error;
  }
}

/** Opens answers until the server says that it computes one. */
async function openWhole(server: ProbedServer): Promise<OpenAnswer> {
  for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
    const answer = openLong(server, false);
    const wait = { isOver: false };
    const end = (): void => {
      wait.isOver = true;
    };
    answer.begun.then(end, end);
    while (!wait.isOver) if (((await countRunning(server)) ?? 0) > 0) return answer;
    answer.abort();
  }
  throw new CaseEnd(
    "skipped",
    `${mostAttempts} answers were over before the server said that it computes one`,
  );
}

/** Opens an answer, leaves it, and says whether the server goes on computing. */
async function leave(
  server: ProbedServer,
  open: (server: ProbedServer) => Promise<OpenAnswer>,
): Promise<string | undefined> {
  supported(await askChat(server));
  const before = await countRunning(server);
  if (before === undefined) {
    throw new CaseEnd("skipped", "the server does not say what it computes: no metrics of vLLM or llama.cpp");
  }
  if (before > 0) throw new CaseEnd("skipped", "the server computes answers of others");
  const answer = await open(server);
  answer.begun.catch(() => undefined);
  answer.abort();
  const endMs = performance.now() + limitMs;
  while (performance.now() < endMs) {
    if (((await countRunning(server)) ?? 0) === 0) return undefined;
    await sleep(intervalMs);
  }
  return `still computed after ${limitMs} ms`;
}

/** What becomes of answers whose clients have left. */
export const abort: ConformanceArea = {
  name: "abort",
  cases: [
    {
      name: "stream",
      expected: `a stream that is left is not computed any more after ${limitMs} ms`,
      breaks: "none; but the server computes for nobody, and others wait",
      check: (server) => leave(server, openStream),
    },
    {
      name: "whole",
      expected: `an answer that nobody waits for is not computed any more after ${limitMs} ms`,
      breaks: "none; but the server computes for nobody, and others wait",
      check: (server) => leave(server, openWhole),
    },
  ],
};
