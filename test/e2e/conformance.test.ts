import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { conformanceAreas } from "../../packages/backend/src/wire-conformance/areas.ts";
import { caseIds, runCases } from "../../packages/backend/src/wire-conformance/run-cases.ts";
import type { CaseResult } from "../../packages/backend/src/wire-conformance/shared/conformance-case.ts";
import { createProbedServer } from "../../packages/backend/src/wire-conformance/shared/probed-server.ts";
import { startAgentDaemon } from "./support/start-agent-daemon.ts";
import { plantedDeviations, plantedFeatures } from "./support/planted-deviations.ts";
import { startPlantingServer, type PlantingServer } from "./support/planting-server.ts";
import { runCli } from "./support/run-cli.ts";
import { runCommand } from "./support/run-command.ts";
import type { TestDaemon } from "./support/start-daemon.ts";

let daemon: TestDaemon;
let planting: PlantingServer;
beforeAll(async () => {
  daemon = await startAgentDaemon();
  planting = await startPlantingServer(daemon.url);
});
afterAll(async () => {
  await planting[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

interface Report {
  readonly counts: Readonly<Record<string, number>>;
  readonly results: readonly CaseResult[];
}

async function runOne(id: string): Promise<CaseResult> {
  const { signal } = new AbortController();
  const server = createProbedServer({
    baseUrl: `${planting.url}/v1`,
    model: "stories",
    // Only this case is about keys; the daemon has none, so that it takes a wrong one.
    apiKey: id === "errors/key" ? "right" : undefined,
    timeoutMs: 30_000,
    signal,
  });
  for await (const result of runCases({ server, areas: conformanceAreas, only: [id], signal })) return result;
  throw new Error(`there is no case ${id}`);
}

describe("the daemon", () => {
  test("has no deviation", async () => {
    const { exitCode, stdout } = await runCli(["conformance", daemon.url, "--model", "stories", "--json"]);
    const { counts, results } = JSON.parse(stdout) as Report;
    // Whether a random object ends in time is the model's affair.
    const others = results.filter(
      ({ id, outcome }) => outcome !== "pass" && !(id === "structured/json-object" && outcome === "skipped"),
    );
    expect(others.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual([
      "errors/key skipped",
      "embeddings/float unsupported",
      "embeddings/base64 unsupported",
      "embeddings/index unsupported",
      "embeddings/usage unsupported",
    ]);
    expect(counts).toMatchObject({ deviates: 0 });
    expect(exitCode).toBe(0);
  });
});

describe("every case notices a server that deviates", () => {
  test("there is a deviation for each of them", () => {
    expect(Object.keys(plantedDeviations).toSorted()).toEqual(caseIds(conformanceAreas).toSorted());
  });

  test.each(Object.entries(plantedDeviations))("%s", async (id, createPlant) => {
    planting.plant = createPlant();
    const result = await runOne(id);
    planting.plant = undefined;
    expect(result).toMatchObject({ id, outcome: "deviates", got: expect.stringMatching(/./) });
  });
});

test.each(Object.entries(plantedFeatures))("%s passes where a server has it", async (id, createPlant) => {
  planting.plant = createPlant();
  const result = await runOne(id);
  planting.plant = undefined;
  expect(result).toMatchObject({ id, outcome: "pass" });
});

describe("the command", () => {
  test("says what deviates, what breaks, and ends with 1", async () => {
    planting.plant = plantedDeviations["chunks/role"]?.();
    const { exitCode, stdout } = await runCommand([
      "conformance",
      `${planting.url}/v1/`,
      "--model",
      "stories",
      "--only",
      "chunks/role,chunks/index,embeddings/float",
    ]);
    planting.plant = undefined;
    expect(stdout).toContain(`
chunks
  role                  DEVIATES
    expected  the first chunk has the role assistant
    got       nothing
    breaks    openai's .stream() throws \`missing role\`; LangChain loses the usage
  index                 pass

embeddings
  float                 not supported: 404: Unknown URL: POST /v1/embeddings; see /docs

1 pass, 1 deviate, 1 are not supported, 0 are skipped; `);
    expect(exitCode).toBe(1);
  });

  test("ends with 1 where nothing passes, and where its time is over", async () => {
    const ask = ["conformance", daemon.url, "--only", "embeddings"];
    expect((await runCommand(ask)).exitCode).toBe(1);
    const late = await runCommand(["conformance", daemon.url, "--model", "stories", "--timeout", "0.001"]);
    expect(late.stdout).toContain("skipped: the time of the run was over");
    expect(late.stdout).toMatch(/ended early\n$/);
    expect(late.exitCode).toBe(1);
  });

  test("says that a server cannot be reached, or lists no model", async () => {
    const gone = await runCommand(["conformance", "http://127.0.0.1:9"]);
    expect(gone).toMatchObject({ exitCode: 1, stdout: "" });
    expect(gone.stderr).toContain("expected http://127.0.0.1:9/v1/models to list a model, got no answer");
    const elsewhere = await runCommand(["conformance", `${daemon.url}/other`]);
    expect(elsewhere.stderr).toContain("/other/models to list a model, got 404");
  });

  test.each([
    [["ftp://127.0.0.1"], "expected an address"],
    [["127.0.0.1:8000"], "expected an address"],
    [["http://user:secret@127.0.0.1:8000"], "without a password"],
    [["http://127.0.0.1:9", "--only", "chunks,chops"], "got 'chops'"],
    [["http://127.0.0.1:9", "--timeout", "soon"], "got 'soon'"],
  ])("%j is wrong usage", async (args, message) => {
    const run = await runCommand(["conformance", ...args]);
    expect(run).toMatchObject({ exitCode: 2, stdout: "", stderr: expect.stringContaining(message) });
    expect(run.stderr).not.toContain("secret");
  });
});
