import { expect, it } from "vitest";
import { startDaemon } from "../e2e/support/start-daemon.ts";
import { slowMachine } from "./support/slow-machine.ts";

const prompt = Array.from({ length: 960 }, (_, index) => 10 + (index % 500));

async function complete(stepTimeMs: number): Promise<{ text: string; stepCount: number }> {
  await using daemon = await startDaemon({
    args: ["--step-time", String(stepTimeMs)],
    environment: slowMachine,
  });
  const response = await fetch(`${daemon.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "infernode-stories", prompt, max_tokens: 8, temperature: 1, seed: 3 }),
  });
  const { choices } = (await response.json()) as { choices: { text: string }[] };
  const stepCount = await daemon.metric("infernode_step_duration_seconds_count");
  return { text: choices[0]?.text ?? "", stepCount };
}

it("a prompt is computed in more and shorter steps where they are to be short, to the same answer", async () => {
  const [short, long] = await Promise.all([complete(1), complete(1_000_000)]);
  // 32, 64, 128, then 256 tokens a step; or never many more than 32.
  expect(long.stepCount).toBeLessThan(20);
  expect(short.stepCount).toBeGreaterThan(long.stepCount);
  expect(short.text).toBe(long.text);
});
