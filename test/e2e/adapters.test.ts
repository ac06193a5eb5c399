import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { postJson } from "./support/post-json.ts";
import { runCli } from "./support/run-cli.ts";
import { runCommand } from "./support/run-command.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";

// LoRA adapters of `peft`, in the program as it is run.

const fixtures = fileURLToPath(new URL("../fixtures", import.meta.url));
const base = join(fixtures, "checkpoints", "llama2");
const directoryOf = (name: string): string => join(fixtures, "adapters", name);

interface Golden {
  readonly prompts: readonly { readonly tokens: readonly number[]; readonly logits: string }[];
}

/** The prompts of an adapter, and the most likely token after each by `peft`. */
function readGolden(name: string): readonly { readonly tokens: readonly number[]; readonly best: number }[] {
  const { prompts } = JSON.parse(readFileSync(join(directoryOf(name), "golden.json"), "utf8")) as Golden;
  return prompts.map(({ tokens, logits }) => {
    const row = new Float32Array(Uint8Array.from(Buffer.from(logits, "base64")).buffer);
    return { tokens, best: row.indexOf(Math.max(...row)) };
  });
}

let daemon: TestDaemon;
let client: OpenAI;
beforeAll(async () => {
  daemon = await startDaemon({
    args: [
      "--model",
      base,
      "--lora",
      `all=${directoryOf("llama2-all")}`,
      "--lora",
      `patterns=${directoryOf("llama2-patterns")}`,
      "--max-loras",
      "3",
      "--max-lora-rank",
      "8",
      "--allow-runtime-lora-updating",
    ],
  });
  client = new OpenAI({ baseURL: `${daemon.url}/v1`, apiKey: "none", maxRetries: 0 });
});
afterAll(() => daemon[Symbol.asyncDispose]());

const load = (name: string, path: string): ReturnType<typeof postJson> =>
  postJson(`${daemon.url}/v1/load_lora_adapter`, { lora_name: name, lora_path: path });
const unload = (name: string): ReturnType<typeof postJson> =>
  postJson(`${daemon.url}/v1/unload_lora_adapter`, { lora_name: name });

async function tokensAfter(
  model: string,
  prompt: readonly number[],
  count: number,
): Promise<readonly number[]> {
  const body = { model, prompt, max_tokens: count, temperature: 0, ignore_eos: true, return_token_ids: true };
  const answer = await postJson(`${daemon.url}/v1/completions`, body);
  expect(answer.body).toMatchObject({ model });
  const [choice] = answer.body["choices"] as readonly { readonly token_ids: readonly number[] }[];
  return choice?.token_ids ?? [];
}

test("each adapter is a model that answers as peft does, several at once", async () => {
  const names = ["all", "patterns"] as const;
  const cases = names.flatMap((name) =>
    readGolden(`llama2-${name}`).map(({ tokens, best }) => ({ name, tokens, best })),
  );
  const found = await Promise.all(cases.map(({ name, tokens }) => tokensAfter(name, tokens, 1)));
  expect(found).toEqual(cases.map(({ best }) => [best]));
});

test("a request gets in company what it gets alone", async () => {
  const [, { tokens } = { tokens: [] }] = readGolden("llama2-all");
  const models = ["llama2", "all", "patterns", "all", "llama2"];
  const together = await Promise.all(models.map((model) => tokensAfter(model, tokens, 24)));
  for (const [at, model] of models.entries()) {
    expect(await tokensAfter(model, tokens, 24)).toEqual(together[at]);
  }
  expect(new Set(together.map((each) => JSON.stringify(each))).size).toBe(3);
});

test("adapters are listed beside their base, and take every kind of request", async () => {
  const models = new Map((await client.models.list()).data.map((model) => [model.id, model]));
  expect([...models.keys()]).toEqual(["llama2", "all", "patterns"]);
  expect(models.get("all")).toMatchObject({
    parent: "llama2",
    root: directoryOf("llama2-all"),
    state: "ready",
  });
  expect(models.get("llama2")).not.toHaveProperty("parent");
  const messages = [{ role: "user", content: "hello" }] as const;
  const chat = await client.chat.completions.create({ model: "all", messages: [...messages], max_tokens: 4 });
  expect(chat.model).toBe("all");
  const response = await client.responses.create({
    model: "patterns",
    input: "hello",
    max_output_tokens: 16,
  });
  expect(response.model).toBe("patterns");
  const message = await postJson(`${daemon.url}/v1/messages`, { model: "all", messages, max_tokens: 4 });
  expect(message.body).toMatchObject({ type: "message", model: "all" });
  const tokens = await postJson(`${daemon.url}/tokenize`, { model: "patterns", prompt: "hello" });
  expect(tokens.body["count"]).toBeGreaterThan(0);
  // There is one base: a request need not name it.
  expect((await postJson(`${daemon.url}/tokenize`, { prompt: "hello" })).status).toBe(200);
});

test("an adapter is loaded, survives a crash of the engine, and is unloaded, while serving", async () => {
  const [, { tokens, best } = { tokens: [], best: -1 }] = readGolden("llama2-rslora");
  const missing = await postJson(`${daemon.url}/v1/completions`, { model: "third", prompt: tokens });
  expect(missing).toMatchObject({ status: 404, body: { error: { code: "model_not_found" } } });
  const loaded = await load("third", directoryOf("llama2-rslora"));
  expect(loaded).toMatchObject({ status: 200, body: { id: "third", parent: "llama2" } });
  expect(await tokensAfter("third", tokens, 1)).toEqual([best]);

  process.kill(daemon.enginePid(), "SIGKILL");
  await daemon.waitForLog(({ msg }) => msg === "engine restarted");
  expect(await tokensAfter("third", tokens, 1)).toEqual([best]);

  const whole = await tokensAfter("third", tokens, 100);
  const extra = { ignore_eos: true, return_token_ids: true };
  const stream = await client.completions.create({
    model: "third",
    prompt: [...tokens],
    max_tokens: 100,
    temperature: 0,
    stream: true,
    ...extra,
  });
  const streamed: number[] = [];
  for await (const chunk of stream as AsyncIterable<{ choices: { token_ids?: number[] }[] }>) {
    if (streamed.length === 0) expect((await unload("third")).status).toBe(200);
    streamed.push(...(chunk.choices[0]?.token_ids ?? []));
  }
  expect(streamed).toEqual(whole);
  const gone = await postJson(`${daemon.url}/v1/completions`, { model: "third", prompt: tokens });
  expect(gone.status).toBe(404);

  // Another one under the same name.
  await load("third", directoryOf("llama2-patterns"));
  expect(await tokensAfter("third", tokens, 24)).toEqual(await tokensAfter("patterns", tokens, 24));
  expect((await unload("third")).body).toEqual({ id: "third", object: "model", deleted: true });
});

test("what cannot be loaded or unloaded is refused with its reason, and changes nothing", async () => {
  const before = await (await fetch(`${daemon.url}/v1/models`)).json();
  const path = directoryOf("llama2-rslora");
  expect(await load("all", path)).toMatchObject({ status: 400, body: { error: { param: "lora_name" } } });
  expect(await load("llama2", path)).toMatchObject({ status: 400, body: { error: { param: "lora_name" } } });
  for (const [wrong, reason] of [
    [join(fixtures, "nowhere"), /adapter_config\.json.*nothing/],
    [base, /adapter_config\.json/],
    [directoryOf("phi3-fused"), /lora_A.*expected \(4, 64\).*got \(4, 80\)/],
  ] as const) {
    const refused = await load("third", wrong);
    expect(refused).toMatchObject({
      status: 400,
      body: { error: { code: "adapter_refused", param: "lora_path" } },
    });
    expect(refused.body.error?.message).toMatch(reason);
  }
  expect((await unload("fourth")).status).toBe(404);
  expect(await unload("llama2")).toMatchObject({ status: 400, body: { error: { param: "lora_name" } } });
  expect(await (await fetch(`${daemon.url}/v1/models`)).json()).toEqual(before);
  await load("third", path);
  expect((await load("fourth", path)).body.error?.message).toContain("at most 3 adapters");
  await unload("third");
});

test("nothing is loaded while serving unless that is allowed", async () => {
  await using closed = await startDaemon({
    args: ["--model", base, "--lora", `all=${directoryOf("llama2-all")}`],
  });
  for (const [route, body] of [
    ["load", { lora_name: "other", lora_path: directoryOf("llama2-rslora") }],
    ["unload", { lora_name: "all" }],
  ] as const) {
    const refused = await postJson(`${closed.url}/v1/${route}_lora_adapter`, body);
    expect(refused).toMatchObject({ status: 403, body: { error: { code: "adapter_updates_disabled" } } });
  }
});

test("an adapter of another base is refused at the start, and by doctor", async () => {
  const args = ["--model", base, "--lora", `other=${directoryOf("phi3-fused")}`];
  for (const run of [runCli(["serve", ...args]), runCommand(["doctor", ...args])]) {
    const { exitCode, stdout, stderr } = await run;
    expect(exitCode).not.toBe(0);
    expect(stdout + stderr).toMatch(
      /lora_A.*expected \(4, 64\), by the adapter's config and the base model/s,
    );
  }
});
