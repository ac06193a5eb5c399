import { mkdir, readdir, rename, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { postJson } from "../e2e/support/post-json.ts";
import { runCli } from "../e2e/support/run-cli.ts";
import { startDaemon, type TestDaemon } from "../e2e/support/start-daemon.ts";
import { copyCheckpoint, editJson, makeFolder, setFields } from "./support/odd-checkpoint.ts";
import { openProgram } from "./support/open-program.ts";

const program = openProgram();
afterAll(() => program[Symbol.asyncDispose]());

const indexFile = "model.safetensors.index.json";

async function post(daemon: TestDaemon, path: string, body: object): Promise<Record<string, unknown>> {
  const answer = await postJson(daemon.url + path, body);
  expect(answer.status).toBe(200);
  return answer.body;
}

/** Eight tokens, always the likeliest. */
async function answerOf(directory: string): Promise<unknown> {
  await using daemon = await startDaemon({ args: ["--model", directory, "--model-name", "m"] });
  const body = { model: "m", prompt: "Once upon a time", max_tokens: 8, temperature: 0, logprobs: 1 };
  return (await post(daemon, "/v1/completions", body))["choices"];
}

/** Moves the shards of a checkpoint into a folder and has the index say so. */
async function moveShards(directory: string, folder: string, named = folder): Promise<void> {
  await mkdir(join(directory, folder), { recursive: true });
  for (const file of await readdir(directory)) {
    if (file.endsWith(".safetensors")) await rename(join(directory, file), join(directory, folder, file));
  }
  await editJson(join(directory, indexFile), (json) => ({
    ...json,
    weight_map: Object.fromEntries(
      Object.entries(json["weight_map"] as Record<string, string>).map(([tensor, file]) => [
        tensor,
        `${named}/${file}`,
      ]),
    ),
  }));
}

describe("shards in a folder that the index names", () => {
  test("are the same model", async () => {
    const directory = await copyCheckpoint("llama-sharded");
    const flat = await answerOf(directory);
    await moveShards(directory, "weights/f32");
    expect(await answerOf(directory)).toEqual(flat);
    const run = await program.run(["models", "inspect", directory, "--json"]);
    expect(JSON.parse(run.stdout).files).toContain("weights/f32/model-00001-of-00003.safetensors");
  });

  test.each(["../outside", "inside/../../outside", "/tmp", String.raw`..\outside`, "./here"])(
    "are refused at %s",
    async (named) => {
      const directory = await copyCheckpoint("llama-sharded");
      await moveShards(directory, "here", named);
      const run = await program.run(["models", "inspect", directory]);
      expect(run).toMatchObject({ exitCode: 4, stdout: "" });
      expect(run.stderr).toMatch(/in the same directory or a folder of it, got .*\(INVALID_WEIGHT_INDEX\)/);
    },
  );
});

/** Lays a checkpoint out as the cache of the Hugging Face Hub does: blobs, and links to them. */
async function makeHubCache(
  repository: string,
): Promise<{ readonly root: string; readonly snapshot: string }> {
  const source = await copyCheckpoint("llama-sharded");
  const root = join(await makeFolder(), repository);
  const snapshot = join(root, "snapshots", "4e20de362430cd3b72f300e6b0f18e50e7166e08");
  for (const folder of [snapshot, join(root, "blobs"), join(root, "refs")]) {
    await mkdir(folder, { recursive: true });
  }
  for (const [at, file] of (await readdir(source)).entries()) {
    await rename(join(source, file), join(root, "blobs", `blob${at}`));
    await symlink(`../../blobs/blob${at}`, join(snapshot, file));
  }
  return { root, snapshot };
}

describe("the cache of the Hugging Face Hub", () => {
  test("a snapshot is served under its repository's name", async () => {
    const { snapshot } = await makeHubCache("models--some-owner--Some.Model-1B");
    await using daemon = await startDaemon({ args: ["--model", snapshot] });
    const id = "some-owner/Some.Model-1B";
    const list = await (await fetch(`${daemon.url}/v1/models`)).json();
    expect(list).toMatchObject({ data: [{ id }] });
    for (const path of [id, encodeURIComponent(id)]) {
      const response = await fetch(`${daemon.url}/v1/models/${path}`);
      expect(await response.json()).toMatchObject({ id });
    }
    const body = { model: id, prompt: "Once", max_tokens: 2 };
    expect(await post(daemon, "/v1/completions", body)).toMatchObject({ model: id });
  });

  test("the folder of the repository is refused with the snapshot's path", async () => {
    const { root, snapshot } = await makeHubCache("models--owner--name");
    const run = await program.run(["models", "inspect", root]);
    expect(run).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining(`name one of its snapshots, such as ${snapshot}`),
    });
  });
});

describe("what is no directory", () => {
  const download = "`hf download meta-llama/Llama-3.2-1B --local-dir <directory>`";
  test.each([
    ["serve", "--port", "0", "--model"],
    ["play", "--prompt", "x", "--model"],
    ["models", "inspect"],
  ])("%s says of a hub id that nothing is downloaded", async (...args) => {
    const run = await runCli([...args, "meta-llama/Llama-3.2-1B"], { directory: await makeFolder() });
    expect(run.exitCode).toBe(4);
    expect(run.stderr).toContain(
      "looks like an id on the Hugging Face Hub, and models are not downloaded automatically",
    );
    expect(run.stderr).toContain(download);
  });

  test("a path that cannot be looked at says why", async () => {
    const run = await program.run(["models", "inspect", `/${"x".repeat(300)}`]);
    expect(run).toMatchObject({
      exitCode: 4,
      stderr: expect.stringMatching(/ENAMETOOLONG.*\(FILE_UNREADABLE\)/),
    });
  });
});

describe("a tokenizer of Llama 2's kind", () => {
  // `tokenizers.Tokenizer.from_file("tokenizer.json").encode("a<s>b</s> c").ids` of tokenizers 0.23.3.
  const tokens = [1, 261, 1, 267, 2, 318, 318, 293];

  test("follows tokenizer.json, whatever `legacy` would make of it", async () => {
    const args: string[] = [];
    for (const legacy of [false, true]) {
      const directory = await copyCheckpoint("llama2");
      await setFields(join(directory, "tokenizer_config.json"), {
        legacy,
        tokenizer_class: "LlamaTokenizer",
      });
      args.push("--model", `legacy-${legacy}=${directory}`);
    }
    await using daemon = await startDaemon({ args });
    for (const model of ["legacy-false", "legacy-true"]) {
      const body = { model, prompt: "a<s>b</s> c" };
      expect([model, await post(daemon, "/tokenize", body)]).toMatchObject([model, { tokens }]);
    }
  });
});
