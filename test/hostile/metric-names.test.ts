import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDaemon, type TestDaemon } from "../e2e/support/start-daemon.ts";

/** Names that are not ours: vLLM's, and those of prom-client's Node.js metrics. */
const namesOfOthers = /^(vllm:|nodejs_|process_)/;
const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
}

function readFamilies(exposition: string): readonly Family[] {
  const helps = new Map(
    [...exposition.matchAll(/^# HELP (\S+) ?(.*)$/gm)].map(([, name = "", help = ""]) => [name, help]),
  );
  return [...exposition.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => ({
    name,
    type,
    help: helps.get(name) ?? "",
  }));
}

describe("metric names", () => {
  let daemon: TestDaemon;
  let exposition = "";
  beforeAll(async () => {
    daemon = await startDaemon();
    const body = JSON.stringify({ model: "infernode-stories", prompt: "Once", max_tokens: 4 });
    const headers = { "content-type": "application/json" };
    await (await fetch(`${daemon.url}/v1/completions`, { method: "POST", headers, body })).arrayBuffer();
    exposition = await (await fetch(`${daemon.url}/metrics`)).text();
  });
  afterAll(() => daemon[Symbol.asyncDispose]());

  test("follow Prometheus' conventions if they are ours", () => {
    const families = readFamilies(exposition).filter(({ name }) => !namesOfOthers.test(name));
    expect(families.length).toBeGreaterThan(30);
    for (const { name, type, help } of families) {
      expect(name).toMatch(/^(infernode|http)_[a-z0-9_]+$/);
      expect([name, type, name.endsWith("_total")]).toEqual([name, type, type === "counter"]);
      // Base units, and no suffix of a histogram's series.
      expect(name).not.toMatch(
        /_(ms|milliseconds|microseconds|minutes|mb|gb|kib|mib|kilobytes|percent|count|sum|bucket)(_|$)/,
      );
      expect([name, help.length > 10]).toEqual([name, true]);
    }
  });

  test.skipIf(!hasPromtool)(
    `promtool finds nothing in them${hasPromtool ? "" : " (skipped: promtool is not installed; Debian has it in the package prometheus)"}`,
    () => {
      const { stdout, stderr, error } = spawnSync("promtool", ["check", "metrics"], {
        input: exposition,
        encoding: "utf8",
      });
      expect(error).toBeUndefined();
      const complaints = `${stdout}${stderr}`
        .split("\n")
        .filter((line) => line !== "" && !namesOfOthers.test(line));
      expect(complaints).toEqual([]);
    },
  );
});
