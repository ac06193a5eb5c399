import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "../../lib/random.ts";
import { quantile } from "../../lib/statistics.ts";
import { ask, type Outcome, type Question } from "../support/ask.ts";
import { findConsul, startConsul } from "../support/consul-process.ts";
import {
  faultKinds,
  startFaultyMember,
  type FaultKind,
  type FaultyMember,
} from "../support/faulty-member.ts";
import { startHonestLoad } from "../support/honest-load.ts";
import { createVerdict, type Scenario } from "../support/scenario.ts";
import { createTally, isWhole } from "../support/tally.ts";

const clientCount = 24;
/** A registration that is not confirmed for so long is critical. */
const ttlMs = 2000;
/** The registry is right within this. */
const noticeMs = 3000;
/** In a quick run, which may be beside other tests. */
const busyNoticeMs = 15_000;
/** A backend that sends nothing for so long has failed. */
const silenceMs = 4000;
/** Failures of streams come this long after a fault at the latest. */
const aftermathMs = silenceMs + 4000;

function gatewayArgs(consulPort: number): readonly string[] {
  const options = {
    mode: "gateway",
    discovery: "consul",
    "consul-url": `http://127.0.0.1:${consulPort}`,
    "silence-timeout": String(silenceMs),
    "connect-timeout": "1000",
  };
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
}

/** A fault that may break streams that have begun. */
interface Disruption {
  readonly backendId: string;
  readonly startedAt: number;
  endedAt: number;
}

/** Deterministic, so that an answer can be compared with that of another daemon. */
function questionsOf(model: string): readonly Question[] {
  const prompts = ["a fox", "a ship", "two friends", "the rain", "a lost key", "winter"];
  return prompts.flatMap((about, index) => {
    const body = { model, temperature: 0, max_tokens: 24 + 12 * index };
    const content = `Tell me a story about ${about}.`;
    const chat = { ...body, messages: [{ role: "user", content }] };
    const prompt = `Once upon a time there was ${about}`;
    return [
      { path: "/v1/chat/completions", body: { ...chat, stream: true } },
      { path: "/v1/chat/completions", body: chat },
      { path: "/v1/completions", body: { ...body, prompt, stream: true } },
      { path: "/v1/completions", body: { ...body, prompt } },
    ];
  });
}

/** Three daemons behind a gateway; one after the other is killed, hung, frozen, drained or cut off, at random. */
export const gateway: Scenario = {
  name: "gateway",
  summary:
    "10 minutes of load on three daemons behind a gateway, killed, hung, frozen, drained and cut off at random: " +
    "no request lost, none answered twice, the registry right within 3 s",
  run: async ({ isQuick, start, seconds = isQuick ? 20 : 600, seed = 1 }) => {
    const path = findConsul();
    if (path === undefined) {
      return { figures: { skipped: "no consul on the path, and INFERNODE_CONSUL is not set" }, faults: [] };
    }
    const verdict = createVerdict();
    const tally = createTally();
    const random = createRandom(seed);
    const pick = <Value>(from: readonly Value[]): Value => from[Math.floor(random() * from.length)] as Value;
    await using consul = await startConsul(path);
    const join = (index: number): Promise<FaultyMember> => startFaultyMember({ start, consul, index, ttlMs });
    await using first = await join(0);
    await using second = await join(1);
    await using third = await join(2);
    const members: readonly FaultyMember[] = [first, second, third];
    await using proxy = await start({ args: gatewayArgs(consul.port) });
    const questions = questionsOf(first.model);
    const expected = new Map<Question, string>();
    for (const question of questions) {
      const outcome = await ask(first.url, question);
      if (outcome.kind === "whole") expected.set(question, outcome.text);
    }
    verdict.expect(expected.size === questions.length, "the reference answers were not whole");

    const disruptions: Disruption[] = [];
    const onOutcome = (outcome: Outcome, question: Question): void => {
      tally.add(outcome);
      if (outcome.kind === "whole") {
        const isSame = outcome.text === expected.get(question);
        verdict.expect(isSame, `another answer than a daemon alone gives: ${JSON.stringify(outcome.text)}`);
        return;
      }
      const now = performance.now();
      const isExcused =
        outcome.kind === "failed" &&
        outcome.code === "backend_failed" &&
        disruptions.some(
          ({ backendId, startedAt, endedAt }) =>
            backendId === outcome.backend && now > startedAt && now < endedAt + aftermathMs,
        );
      verdict.expect(isExcused, `lost: ${JSON.stringify(outcome)} to ${question.path}`);
    };
    const agent = new Agent({ keepAlive: true });
    const load = startHonestLoad({
      url: proxy.url,
      clientCount,
      question: (client, round) => questions[(client * 7 + round) % questions.length] as Question,
      onOutcome,
      askOptions: { agent, timeoutMs: 60_000 },
    });

    const noticedMs: number[] = [];
    /** Waits until the registry has a member as passing, or not so. */
    const untilListed = async (member: FaultyMember, isPassing: boolean, what: string): Promise<void> => {
      const startedAt = performance.now();
      const isRight = async (): Promise<boolean> => {
        const ids = await consul.passing("infernode");
        return ids.some((id) => id.endsWith(member.serviceSuffix)) === isPassing;
      };
      while (!(await isRight()) && performance.now() - startedAt < busyNoticeMs) await sleep(20);
      const ms = performance.now() - startedAt;
      noticedMs.push(ms);
      verdict.expect(
        ms <= (isQuick ? busyNoticeMs : noticeMs),
        `the registry was right ${Math.round(ms)} ms after ${what}`,
      );
    };
    const counts = new Map<FaultKind, number>();
    let waiting: readonly FaultKind[] = [];
    const endsAt = performance.now() + seconds * 1000;
    while (performance.now() < endsAt) {
      // Each kind once, in any order, before one comes again.
      if (waiting.length === 0) waiting = faultKinds;
      const kind = pick(waiting);
      waiting = waiting.filter((each) => each !== kind);
      const member = pick(members);
      await sleep(300 + random() * 1000);
      const disruption = { backendId: member.backendId, startedAt: performance.now(), endedAt: Infinity };
      if (kind !== "drain") disruptions.push(disruption);
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      await member.apply(kind);
      await untilListed(member, false, `${kind} of ${member.backendId}`);
      await sleep(random() * 3000);
      await member.recover(kind);
      disruption.endedAt = performance.now();
      await untilListed(member, true, `the end of ${kind} of ${member.backendId}`);
    }
    await load.stop();
    agent.destroy();
    verdict.expect(proxy.isRunning, `the gateway ended:\n${proxy.lastLines()}`);
    return {
      figures: {
        seconds,
        seed,
        clients: clientCount,
        faults: [...counts].map(([kind, count]) => `${kind} ${count}`).join(", "),
        whole: tally.count(isWhole),
        outcomes: tally.describe(),
        registryRightMedianMs: Math.round(quantile(noticedMs, 0.5)),
        registryRightMaxMs: Math.round(Math.max(...noticedMs)),
        wholeP50Ms: Math.round(quantile(tally.wholeMs, 0.5)),
        wholeMaxMs: Math.round(Math.max(...tally.wholeMs)),
      },
      faults: verdict.faults.slice(0, 20),
    };
  },
};
