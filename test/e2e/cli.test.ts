import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { decryptSecret } from "../../packages/backend/src/secrets/encrypted-secret.ts";
import { runCli } from "./support/run-cli.ts";
import { runCommand } from "./support/run-command.ts";

describe("help and usage", () => {
  test("prints its version", async () => {
    expect(await runCli(["--version"])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });

  test.each([
    ["--help"],
    ["serve", "--help"],
    ["play", "--help"],
    ["doctor", "--help"],
    ["models", "inspect", "--help"],
    ["conformance", "--help"],
  ])("%s %s shows examples and exit codes", async (...args) => {
    const run = await runCommand(args.filter((arg) => arg !== undefined));
    expect(run.exitCode).toBe(0);
    expect(run.stdout).toContain("Exit codes:");
  });

  test.each([
    [["bake"]],
    [["serve", "--prot", "1"]],
    [["play", "--temperature", "hot"]],
    [["models", "inspect"]],
    [[]],
  ])("ends with 2 for %j", async (args) => {
    const run = await runCommand(args);
    expect(run.exitCode).toBe(2);
    expect(run.stderr).not.toBe("");
    expect(run.stdout).toBe("");
  });

  test("suggests the nearest flag and refers to the help", async () => {
    expect((await runCli(["serve", "--prot", "1"])).stderr).toBe(
      "infernode: unknown option '--prot'\n(Did you mean --port?)\nsee infernode serve --help\n",
    );
    expect((await runCli(["models", "inspect"])).stderr).toMatch(/\nsee infernode models inspect --help\n$/);
  });

  test("rejects --json without --print-config", async () => {
    const run = await runCommand(["serve", "--json"]);
    expect(run).toMatchObject({ exitCode: 2, stdout: "", stderr: expect.stringContaining("--print-config") });
  });

  test.each(["18.20.8", "20.18.3"])("on Node.js %s, prints the required version", async (version) => {
    const pretend = `Object.defineProperty(process, "versions", { value: { node: "${version}" } })`;
    const environment = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(pretend)}` };
    expect(await runCli(["play", "--prompt", "hi"], { environment })).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: `infernode: Node.js 20.19 or later is needed, this is ${version}\n`,
    });
  });

  test("prints the configuration with origins", async () => {
    const run = await runCommand(["serve", "--print-config", "--json", "--port", "1234"], {
      environment: { INFERNODE_LOG_LEVEL: "warn" },
    });
    expect(run.exitCode).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({
      config: { server: { port: 1234 }, log: { level: "warn" } },
      origins: {
        "server.port": { source: "flag", name: "--port" },
        "log.level": { source: "environment", name: "INFERNODE_LOG_LEVEL" },
      },
    });
  });
});

describe("models inspect", () => {
  test("prints JSON", async () => {
    const run = await runCommand([
      "models",
      "inspect",
      "embedded",
      "--max-sequences",
      "2",
      "--context-tokens",
      "64",
      "--json",
    ]);
    expect(run.exitCode).toBe(0);
    const model = JSON.parse(run.stdout);
    expect(model).toMatchObject({ family: "llama", memoryPlan: { maxSequences: 2, contextTokens: 64 } });
    const { weightsBytes, kvCacheBytes, activationsBytes, workspaceBytes, totalBytes } = model.memoryPlan;
    expect(weightsBytes + kvCacheBytes + activationsBytes + workspaceBytes).toBe(totalBytes);
  });

  test("prints text", async () => {
    const run = await runCommand(["models", "inspect", "embedded"]);
    expect(run.stdout).toMatch(/parameters +\d/);
    expect(run.stdout).toMatch(/KV cache +[\d.]+ \w+ \([\d.]+ \w+ per token\)/);
  });

  test("exits with 4 for a directory without a model", async () => {
    const run = await runCommand(["models", "inspect", "/", "--json"]);
    expect(run.exitCode).toBe(4);
    expect(run.stderr).not.toBe("");
  });
});

describe("doctor", () => {
  test("says that the bundled model would run", async () => {
    const run = await runCli(["doctor", "--json"]);
    expect(run.exitCode).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({
      system: { isNodeSupported: true },
      verdict: { wouldRun: true },
    });
    const missing = expect.stringContaining("@tensorflow/tfjs-node is not installed; npm install");
    expect((JSON.parse(run.stdout) as { runtimes: readonly unknown[] }).runtimes).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ executor: "onnx", path: "binding", works: true }),
        expect.objectContaining({ executor: "tfjs", path: "wasm", works: true }),
        expect.objectContaining({ executor: "tfjs", path: "tfjs-node", works: false, description: missing }),
      ]),
    );
  });

  test("exits with 4 if the configured model would not run", async () => {
    const missing = await runCommand(["doctor", "--json", "--model", "nowhere"]);
    expect(missing.exitCode).toBe(4);
    expect(JSON.parse(missing.stdout).verdict).toMatchObject({ wouldRun: false });
    const tooLarge = await runCommand(["doctor", "--memory-limit", "1MiB"]);
    expect(tooLarge.exitCode).toBe(4);
    expect(tooLarge.stdout).toContain("would not run");
  });

  test("exits with 4 for settings of a registry with which serve would not start", async () => {
    const run = await runCommand(["doctor", "--discovery", "static"]);
    expect(run.exitCode).toBe(4);
    expect(run.stdout).toMatch(/registry +cannot be used: discovery\.daemons: expected at least one URL/);
  });
});

describe("play", () => {
  test("answers one prompt, reproducibly with a seed", async () => {
    const ask = () =>
      runCommand([
        "play",
        "--prompt",
        "Tell me a short story about a fox.",
        "--seed",
        "3",
        "--max-tokens",
        "30",
        "--verbose",
      ]);
    const [first, second] = [await ask(), await ask()];
    expect(first.exitCode).toBe(0);
    expect(first.stdout.trim().length).toBeGreaterThan(10);
    expect(second.stdout).toBe(first.stdout);
    expect(first.stderr).toMatch(/tokens\/s/);
  });

  test("uses the given chat template", async () => {
    const folder = await mkdtemp(join(tmpdir(), "infernode-template-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, "chat.jinja");
    await writeFile(path, "{{ raise_exception('this template refuses ' + messages[0].content) }}");
    const run = await runCommand(["play", "--chat-template", path, "--prompt", "everything"]);
    expect(run.exitCode).not.toBe(0);
    expect(run.stderr).toContain("this template refuses everything");
    const absent = await runCommand(["models", "inspect", "embedded", "--chat-template", `${path}.absent`]);
    expect(absent).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining("expected a chat template, got no file"),
    });
  });

  test("reads the prompt from a pipe", async () => {
    const run = await runCli(["play", "--temperature", "0", "--max-tokens", "8"], {
      input: "Tell me a short story.\n",
    });
    expect(run.exitCode).toBe(0);
    expect(run.stdout.trim()).not.toBe("");
  });

  test("exits with 2 for an empty pipe", async () => {
    expect(await runCommand(["play"], { input: "\n" })).toMatchObject({ exitCode: 2 });
  });

  test("reports a full context instead of truncating the prompt", async () => {
    const run = await runCommand(["play", "--prompt", "once upon a time ".repeat(400)]);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain("maximum context length");
  });
});

describe("encrypt", () => {
  test("encrypts standard input with a key that it made", async () => {
    const { stdout: key } = await runCli(["encrypt", "--new-key"]);
    const environment = { INFERNODE_SECRET_KEY: key.trim() };
    const { stdout, exitCode } = await runCli(["encrypt"], { input: "sk-secret\n", environment });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^enc:v1:[\w-]+\n$/);
    expect(decryptSecret(stdout.trim(), Buffer.from(key, "base64url"))).toBe("sk-secret");
  });

  test("exits with 2 without a key", async () => {
    const { stderr, exitCode } = await runCommand(["encrypt"], { input: "sk-secret" });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("INFERNODE_SECRET_KEY");
    expect(stderr).not.toContain("sk-secret");
  });
});
