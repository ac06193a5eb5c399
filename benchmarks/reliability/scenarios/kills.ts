import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "../../lib/random.ts";
import { ask, type Outcome, type Question } from "../support/ask.ts";
import { startHonestLoad } from "../support/honest-load.ts";
import { createVerdict, type Scenario } from "../support/scenario.ts";
import { createTally, isCut, isWhole } from "../support/tally.ts";

const questionCount = 8;

/** Every third request tokenizes; the others generate, half of them streamed. */
function questionOf(model: string, client: number, round: number): Question {
  const turn = client + round;
  const prompt = `Once upon a time, in the year ${turn % questionCount}, there was a fox who`;
  if (turn % 3 === 2) return { path: "/tokenize", body: { model, prompt } };
  const body = {
    model,
    prompt,
    seed: turn % questionCount,
    temperature: 0,
    max_tokens: 48,
    ignore_eos: true,
  };
  return { path: "/v1/completions", body: turn % 2 === 0 ? { ...body, stream: true } : body };
}

/** SIGKILLs of the engine under concurrent clients. */
export const kills: Scenario = {
  name: "kills",
  summary: "the engine is killed again and again under concurrent clients",
  run: async ({ isQuick, start }) => {
    const killCount = isQuick ? 6 : 50;
    const clientCount = isQuick ? 8 : 32;
    const verdict = createVerdict();
    const streams = createTally();
    const others = createTally();
    await using daemon = await start();
    const random = createRandom(1);

    // The answers to each prompt without kills.
    const undisturbed = new Map<string, string>();
    for (let turn = 0; turn < questionCount; turn += 1) {
      const { body } = questionOf(daemon.model, turn * 3, 0);
      const outcome = await ask(daemon.url, { path: "/v1/completions", body });
      if (outcome.kind === "whole") undisturbed.set(String(body["prompt"]), outcome.text);
    }
    const startUsage = daemon.daemonUsage();

    let differentCount = 0;
    const onOutcome = (outcome: Outcome, { path, body }: Question): void => {
      (body["stream"] === true ? streams : others).add(outcome);
      if (outcome.kind !== "whole" || path === "/tokenize") return;
      if (outcome.text !== undisturbed.get(String(body["prompt"]))) differentCount += 1;
    };
    const { url, model } = daemon;
    const load = startHonestLoad({
      url,
      clientCount,
      question: (client, round) => questionOf(model, client, round),
      onOutcome,
    });
    const downMs: number[] = [];
    for (let kill = 0; kill < killCount; kill += 1) {
      await sleep(50 + random() * 250);
      const killed = daemon.enginePid;
      process.kill(killed, "SIGKILL");
      const killedAt = performance.now();
      const isBack = await daemon.waitFor(
        async () => daemon.enginePid !== killed && daemon.isReady(),
        60_000,
      );
      if (!isBack) {
        verdict.expect(false, `not ready within 60 s after kill ${kill + 1} (running: ${daemon.isRunning})`);
        break;
      }
      downMs.push(performance.now() - killedAt);
    }
    await load.stop();
    const after = await ask(url, questionOf(model, 0, 0));
    const endUsage = daemon.daemonUsage();

    verdict.expect(daemon.isRunning, `the daemon ended:\n${daemon.lastLines()}`);
    verdict.expect(after.kind === "whole", "no whole answer after the last kill");
    // A daemon that has exited refuses connections; a request that was never sent is not lost.
    const isLost = (key: string): boolean => isCut(key) && !key.includes("ECONNREFUSED");
    const cutCount = streams.count(isLost) + others.count(isLost);
    verdict.expect(cutCount === 0, `${cutCount} requests ended without an answer and without an error`);
    verdict.expect(differentCount === 0, `${differentCount} whole answers differ from the undisturbed ones`);
    const growthMiB = endUsage.rssMiB - startUsage.rssMiB;
    verdict.expect(growthMiB < 100, `the daemon grew by ${growthMiB} MiB`);
    return {
      figures: {
        kills: downMs.length,
        clients: clientCount,
        streams: streams.describe(),
        nonStreaming: others.describe(),
        wholeAnswers: streams.count(isWhole) + others.count(isWhole),
        silentlyLost: cutCount,
        different: differentCount,
        longestDownMs: Math.round(Math.max(0, ...downMs)),
        daemonRssMiB: `${startUsage.rssMiB} → ${endUsage.rssMiB}`,
      },
      faults: verdict.faults,
    };
  },
};
