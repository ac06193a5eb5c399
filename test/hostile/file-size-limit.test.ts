import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cleanEnvironment, cliPath } from "../e2e/support/cli-path.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "infernode-limit-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Has the bundled model answer in a process whose files may have this size. */
async function answer(name: string, limit: string): Promise<{ text: string; log: string; exitCode: number }> {
  const [cache, temporary] = [join(folder, name, "cache"), join(folder, name, "temporary")];
  const prompt = "--prompt Once --max-tokens 8 --temperature 0";
  const command = `ulimit -f ${limit}; mkdir -p "$2" && exec "$0" "$1" play ${prompt} --quantize int8 --cache-dir "$3"`;
  const { stdout, stderr, status } = spawnSync(
    "bash",
    ["-c", command, process.execPath, cliPath, temporary, cache],
    { env: { ...cleanEnvironment(), TMPDIR: temporary }, encoding: "utf8" },
  );
  expect(await readdir(temporary)).toEqual([]);
  const names = await readdir(cache);
  for (const each of names) expect(each).toMatch(/\.safetensors(\.verified)?$/);
  return { text: stdout, log: stderr, exitCode: status ?? -1 };
}

// In KiB: 2.1 MiB of weights, 4.4 MiB with their copies.
describe.skipIf(process.platform === "win32")("files that may not grow as large as", () => {
  test("the weights with their copies: a warning, and the same answer", async () => {
    const whole = await answer("whole", "unlimited");
    const found = await answer("copies", "3000");
    expect(found.log).toContain("not kept in the order of this processor");
    expect([found.text, found.exitCode]).toEqual([whole.text, 0]);
  });

  test("the weights: a warning about the cache directory, an error where it fails elsewhere too, and nothing in part", async () => {
    const { log, exitCode } = await answer("weights", "1000");
    expect(log).toContain("quantized weights are not kept, and quantized again at each start");
    expect(log).toMatch(/temporary\/.*EFBIG.*QUANTIZE_FAILED/);
    expect(exitCode).not.toBe(0);
  });
});
