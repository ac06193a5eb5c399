import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CliRun } from "./support/run-cli.ts";
import { runCommand } from "./support/run-command.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";
import { startForTest } from "./support/start-for-test.ts";

// Several models from a file and from flags, in the program as it is run.

const qwen = fileURLToPath(new URL("../fixtures/checkpoints/qwen3", import.meta.url));
const llama = fileURLToPath(new URL("../fixtures/checkpoints/llama3", import.meta.url));

const file = `
models:
  stories:
    path: embedded
    aliases: [gpt-4o-mini, small]
    engine: { maxSequences: 4, contextTokens: 512 }
  Qwen/Qwen3: { path: ${JSON.stringify(qwen)} }
`;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "infernode-several-"));
  await writeFile(join(directory, "infernode.config.yaml"), file);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

function runHere(args: readonly string[]): Promise<CliRun> {
  return runCommand(args, { directory });
}

describe.each([
  {
    title: "a file of two models",
    args: (): readonly string[] => ["--config", join(directory, "infernode.config.yaml")],
    names: { "gpt-4o-mini": "stories", small: "stories", stories: "stories", "Qwen/Qwen3": "Qwen/Qwen3" },
    contexts: { stories: 512, "Qwen/Qwen3": 256 },
  },
  {
    title: "two flags",
    args: (): readonly string[] => [
      "--model",
      llama,
      "--model",
      `my/qwen=${qwen}`,
      "--context-tokens",
      "128",
    ],
    names: { llama3: "llama3", "my/qwen": "my/qwen" },
    contexts: { llama3: 128, "my/qwen": 128 },
  },
])("$title", ({ args, names, contexts }) => {
  let daemon: TestDaemon;
  let client: OpenAI;
  beforeAll(async () => {
    daemon = await startDaemon({ args: args() });
    client = new OpenAI({ baseURL: `${daemon.url}/v1`, apiKey: "none", maxRetries: 0 });
  });
  afterAll(() => daemon[Symbol.asyncDispose]());

  test("lists both models, each with its own context", async () => {
    const { data } = await client.models.list();
    const listed = data.map((model) => [model.id, (model as { max_model_len?: number }).max_model_len]);
    expect(Object.fromEntries(listed)).toEqual(contexts);
  });

  test.each(Object.entries(names))("answers %s as %s", async (name, id) => {
    const answer = await client.completions.create({ model: name, prompt: "Once upon", max_tokens: 4 });
    expect(answer.model).toBe(id);
    expect(answer.usage?.completion_tokens).toBeGreaterThan(0);
  });

  test("says of no setting that it is not used, where none was set", () => {
    expect(daemon.logs.filter(({ msg }) => msg.includes("does not use"))).toEqual([]);
  });

  test("refuses a name that no model has", async () => {
    const call = client.completions.create({ model: "large", prompt: "Once", max_tokens: 1 });
    await expect(call).rejects.toMatchObject({ status: 404, code: "model_not_found" });
  });
});

describe("a wrong configuration ends with 2 and one line", () => {
  const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
    [
      "a name for several",
      ["--model", llama, "--model", qwen, "--model-name", "x"],
      /--model-name x: expected one model, got 2; write --model <id>=<directory>/,
    ],
    [
      "two directories of one name",
      ["--model", "./a/x", "--model", "./b/x"],
      /"x", which --model \.\/a\/x has as well; write --model <id>=<directory>/,
    ],
    [
      "an alias that is an id",
      ["--config", "alias.yaml"],
      /models\.b in .*alias\.yaml: expected names that no other model has, got "a"/,
    ],
    [
      "a wrong number",
      ["--config", "threads.yaml"],
      /models\.a\.engine\.threads in .*threads\.yaml: expected an integer from 1 to 1024, got 0/,
    ],
    [
      "both forms",
      ["--config", "both.yaml"],
      /model\.path in .*both\.yaml: expected either model or models, got both/,
    ],
  ];
  beforeAll(async () => {
    const files = {
      "alias.yaml": "models: { a: { path: ./a }, b: { path: ./b, aliases: [a] } }",
      "threads.yaml": "models: { a: { path: ./a, engine: { threads: 0 } } }",
      "both.yaml": "model: { path: ./a }\nmodels: { b: { path: ./b } }",
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  });
  test.each(cases)("%s", async (_, args, message) => {
    const run = await runHere(["serve", "--print-config", ...args]);
    expect(run).toMatchObject({ exitCode: 2, stdout: "" });
    expect(run.stderr).toMatch(message);
    expect(run.stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});

test("the printed configuration can be saved and gives the same again", async () => {
  const { stdout } = await runHere(["serve", "--print-config", "--max-queued-requests", "9"]);
  await writeFile(join(directory, "printed.yaml"), stdout);
  const configs = await Promise.all(
    [
      ["--max-queued-requests", "9"],
      ["--config", "printed.yaml"],
    ].map(async (args) => {
      const run = await runHere(["serve", "--print-config", "--json", ...args]);
      return JSON.parse(run.stdout) as { config: { models: unknown[] }; origins: object };
    }),
  );
  expect(configs[1]?.config).toEqual(configs[0]?.config);
  expect(configs[0]?.config.models).toHaveLength(2);
  expect(configs[0]?.origins).toMatchObject({
    "models.Qwen/Qwen3.engine.maxQueuedRequests": { source: "flag", name: "--max-queued-requests" },
  });
});

describe("doctor", () => {
  test("checks every configured model", async () => {
    const run = await runHere(["doctor", "--json"]);
    expect(run.exitCode).toBe(0);
    const { models, verdict } = JSON.parse(run.stdout) as { models: { id: string }[]; verdict: unknown };
    expect(models).toMatchObject([
      { id: "stories", wouldRun: true, model: { memoryPlan: { maxSequences: 4, contextTokens: 512 } } },
      { id: "Qwen/Qwen3", wouldRun: true, model: { family: "qwen3" } },
    ]);
    const configured = ["stories", "Qwen/Qwen3"];
    expect(verdict).toEqual({ wouldRun: true, readiness: "healthy", reasons: [], models: configured });
  });

  test("names the one that would not run, and exits with 4 although serve would run the others", async () => {
    const args = ["doctor", "--model", "stories", "--model", "./nowhere"];
    const run = await runHere(args);
    expect(run.exitCode).toBe(4);
    expect(run.stdout).toMatch(/ yes: stories, llama/);
    expect(run.stdout).toMatch(
      /\nstories, nowhere would not run: nowhere: .*expected a model.*; infernode serve would run the others and be degraded\n$/,
    );
    const { verdict } = JSON.parse((await runHere([...args, "--json"])).stdout) as { verdict: unknown };
    expect(verdict).toMatchObject({ wouldRun: false, readiness: "degraded" });
    const none = await runHere(["doctor", "--json", "--model", "./nowhere", "--model", "./neither"]);
    expect(JSON.parse(none.stdout)).toMatchObject({ verdict: { wouldRun: false, readiness: "unhealthy" } });
  });

  test("foresees the readiness of serve", async () => {
    const args = ["--model", "embedded", "--model", `bad=${qwen}`, "--context-tokens", "300"];
    const daemon = await startForTest({ args, until: "listening" });
    await daemon.waitForLog(({ msg }) => msg === "engine failed");
    await daemon.waitForLog(({ msg }) => msg === "engine started");
    const ready = await fetch(`${daemon.url}/health/ready`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({ status: "degraded" });
    const run = await runHere(["doctor", "--json", ...args]);
    expect(run.exitCode).toBe(4);
    expect(JSON.parse(run.stdout)).toMatchObject({ verdict: { readiness: "degraded" } });
  });

  test("divides the memory as serve would", async () => {
    const args = ["--memory-limit", "18MiB"];
    const run = await runHere(["doctor", "--json", ...args]);
    const { models } = JSON.parse(run.stdout) as { models: { id: string; reasons: string[] }[] };
    const rejected = models.flatMap(({ reasons }) => reasons);
    expect(run.exitCode).toBe(4);
    expect(rejected.join()).toContain("reserved for other models");
    for (const { id } of models) {
      const alone = await runHere(["doctor", "--json", "--model", id, ...args]);
      expect(alone.exitCode).toBe(0);
    }
  });
});

describe("one model of several", () => {
  test("is chosen by --model for play, with its settings", async () => {
    const ask = ["play", "--prompt", "Once", "--max-tokens", "3"];
    expect(await runHere(ask)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("got 2: stories, Qwen/Qwen3; choose one with --model <id>"),
    });
    expect(await runHere([...ask, "--model", "stories"])).toMatchObject({ exitCode: 0 });
  });

  test("is inspected by its id, with its settings and the flags above them", async () => {
    const inspect = async (args: readonly string[]): Promise<unknown> =>
      JSON.parse((await runHere(["models", "inspect", "--json", ...args])).stdout);
    const sizes = { maxSequences: 4, contextTokens: 512 };
    expect(await inspect(["stories"])).toMatchObject({ memoryPlan: sizes });
    expect(await inspect(["stories", "--max-sequences", "2"])).toMatchObject({
      memoryPlan: { ...sizes, maxSequences: 2 },
    });
    const wide = ["--context-tokens", "300"];
    for (const args of [["Qwen/Qwen3"], ["Qwen/Qwen3", ...wide]]) {
      expect(await inspect(args)).toMatchObject({ name: "Qwen/Qwen3", family: "qwen3", directory: qwen });
    }
  });
});

test("the log says which settings the executor that was chosen does not use, as they were set", async () => {
  const unused = ["--gpu-memory-utilization", "0.6", "--run-ahead", "false"];
  const daemon = await startForTest({ args: ["--model", llama, "--model", `my/qwen=${qwen}`, ...unused] });
  const said = (): readonly unknown[] =>
    daemon.logs.flatMap(({ msg, model }) => (msg.includes("does not use") ? [[model, msg]] : []));
  await daemon.waitForLog(() => said().length === 4);
  const lines = ["gpuMemoryUtilization 0.6", "runsAhead false"].map(
    (setting) => `the executor onnx does not use engine.${setting}, which is for cuda`,
  );
  const expected = ["llama3", "my/qwen"].flatMap((model) => lines.map((line) => [model, line]));
  expect(said()).toHaveLength(4);
  expect(said()).toEqual(expect.arrayContaining(expected));
});
