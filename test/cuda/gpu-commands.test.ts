import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { compileStandIn } from "../../packages/memory/test/cuda/stand-in/load-stand-in.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), "infernode-gpu-commands-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command of `tools` in a folder of its own. */
function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(root, "tools", program), ...args],
    {
      cwd: folder,
      env: { ...process.env, ...env },
      encoding: "utf8",
    },
  );
  return { status, stdout, stderr };
}

const commands = [
  "bench.mjs",
  "gpu/check.mjs",
  "gpu/pack.mjs",
  "gpu/verify-headers.mjs",
  "kernels/build.mjs",
  "kernels/check.mjs",
  "kernels/counts.mjs",
  "kernels/figures.mjs",
  "kernels/values.mjs",
];

describe.each(commands)("tools/%s", (program) => {
  test("says with --help what it takes, and does nothing else", () => {
    const { status, stdout, stderr } = run(program, ["--help"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [command] = program === "bench.mjs" ? ["npm run bench"] : [`node tools/${program}`];
    expect(stdout).toContain(command);
    expect(existsSync(path.join(folder, "--help"))).toBe(false);
  });

  test("refuses an unknown option in one line", () => {
    const { status, stdout, stderr } = run(program, ["--bogus"]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^--bogus: expected .+, got an unknown option\n$/);
  });
});

const compiled = compileStandIn();
const reason = "reason" in compiled ? compiled.reason : undefined;
if (reason !== undefined) console.warn(`skipped "the check of a GPU machine": ${reason}`);

describe.skipIf(reason !== undefined)("the check of a GPU machine", () => {
  if ("reason" in compiled) return;
  const standIn = { STAND_IN_BYTES: String(2 ** 28), STAND_IN_DEVICES: "1" };
  const library = ["--stand-in-library", compiled.path];
  const output = path.join(folder, "report.json");
  const check = (args: readonly string[], env = {}) =>
    run("gpu/check.mjs", ["--tiny", "--output", output, ...args], { ...standIn, ...env });

  test.each([
    [
      ["--only", "soak", "--operations", "x"],
      "--operations: expected an integer from 1 to 1000000000, got 'x'",
    ],
    [
      ["--only", "soak", "--operations", "0"],
      "--operations: expected an integer from 1 to 1000000000, got '0'",
    ],
    [["--steps", "-5"], "--steps: expected an integer from 1 to 1000000000, got '-5'"],
    [["--budget", "abc"], "--budget: expected an integer from 1 to 86400, got 'abc'"],
    [["--ordinal", "abc"], "--ordinal: expected an integer from 0 to 1023, got 'abc'"],
    [["--ordinal", "9"], "--ordinal: expected one of 0 (Stand-in GPU 0), got 9"],
    [["--only"], "--only: expected a text, got no value"],
    [["--only", "--tiny"], "--only: expected a text, got the option '--tiny'"],
    [["--tiny=yes"], "--tiny: expected no value, got 'yes'"],
    [["soak"], "<arguments>: expected options only, got 'soak' too"],
    [["--gguf", "/nonexistent"], "--gguf: expected a file, got '/nonexistent'"],
    [["--output", "/"], "--output: expected a file that can be written, got '/': a folder"],
    [["--stand-in"], "--stand-in: expected no --stand-in-library beside it, got both"],
  ])("refuses %s before a step", (args, message) => {
    expect(check([...library, ...args])).toEqual({ status: 2, stdout: "", stderr: `${message}\n` });
    expect(existsSync(output)).toBe(false);
  });

  test("refuses a library that is not there, or is none", () => {
    const missing = check(["--stand-in-library", "/nonexistent"]);
    expect(missing).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("expected a file, got '/non"),
    });
    const text = path.join(root, "package.json");
    const { status, stderr } = check(["--stand-in-library", text]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^--stand-in-library: expected the stand-in driver, got '.*package.json': .*\n$/);
  });

  test("says what is missing where the stand-in cannot be compiled", () => {
    const { status, stderr } = check(["--stand-in"], { PATH: folder });
    expect(status).toBe(2);
    expect(stderr).toBe("--stand-in: expected a C compiler (cc) that compiles it, got spawnSync cc ENOENT\n");
  });

  test("names the steps where none is meant", () => {
    const { status, stdout, stderr } = check([...library, "--only", "nosuchstep"]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^--only: expected .+, got 'nosuchstep'/);
    expect(stderr).toContain("\n  soak, plain arenas\n");
  });

  test("takes the stand-in for what it is, where it is the driver that is installed", () => {
    symlinkSync(compiled.path, path.join(folder, "libcuda.so.1"));
    // Copies within the device need no kernels, so that there is something to measure.
    const { status, stdout } = check(["--only", "speed: copy"], { LD_LIBRARY_PATH: folder });
    expect([status, stdout]).toEqual([
      0,
      expect.stringContaining("stand-in driver on host memory: not a GPU"),
    ]);
    const report = JSON.parse(readFileSync(output, "utf8")) as {
      isStandIn: boolean;
      results: { status: string; figures: readonly object[] }[];
    };
    expect(report).toMatchObject({ isStandIn: true, results: [{ status: "passed" }] });
    const figures = report.results.flatMap((result) => result.figures);
    expect(figures.length).toBeGreaterThan(0);
    for (const figure of figures) expect(figure).not.toHaveProperty("value");
    const page = readFileSync(output.replace(/json$/, "md"), "utf8");
    expect(page).toContain("no speed was measured");
  });
});

test("a folder with something in it is not packed into", () => {
  const { status, stderr } = run("gpu/pack.mjs", [root]);
  expect(status).toBe(2);
  expect(stderr).toMatch(/^<folder>: expected a folder that is empty or not there, got '.*'\n$/);
});
