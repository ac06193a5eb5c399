import { mkdir, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli } from "../e2e/support/run-cli.ts";
import { startDaemon } from "../e2e/support/start-daemon.ts";
import {
  copyCheckpoint,
  editJson,
  editTensors,
  makeFolder,
  padVocabulary,
  setFields,
} from "./support/odd-checkpoint.ts";
import {
  endlessNormalizer,
  endlessText,
  modelWithTemplate,
  modelWithTokenizer,
} from "./support/odd-tokenizer.ts";
import { openProgram } from "./support/open-program.ts";

interface Case {
  readonly title: string;
  /** What the reason ends with; absent where the model runs. */
  readonly code?: string;
  /** Makes the checkpoint; answers its directory. */
  readonly make: () => Promise<string>;
  /** Words of the reason. */
  readonly says?: string;
  readonly args?: readonly string[];
  /** What `args` says, in the entry of the model. */
  readonly settings?: object;
  /** Also judged as the only model: one of each kind is. */
  readonly isAlone?: boolean;
}

/** Copies a small checkpoint and changes it. */
const llama =
  (change: (directory: string) => Promise<unknown>): (() => Promise<string>) =>
  async () => {
    const directory = await copyCheckpoint("llama2");
    await change(directory);
    return directory;
  };
const config = (fields: Record<string, unknown>): (() => Promise<string>) =>
  llama((directory) => setFields(join(directory, "config.json"), fields));
const untouched = (): Promise<string> => copyCheckpoint("llama2");

type Json = Record<string, unknown>;

const lastTokenId = 319;

/** Puts another text in the place of the last token. */
function withLastToken(json: Json, text: string): Json {
  const model = modelOf(json);
  const vocab = Object.entries(model["vocab"] as Json);
  const last = vocab.find(([, id]) => id === lastTokenId)?.[0];
  const merges = (model["merges"] as readonly [string, string][]).filter((parts) => parts.join("") !== last);
  const renamed = Object.fromEntries(vocab.map(([token, id]) => [token === last ? text : token, id]));
  return { ...json, model: { ...model, vocab: renamed, merges } };
}

const modelOf = (json: Json): Json => json["model"] as Json;

const cases: readonly Case[] = [
  { title: "a checkpoint as it was saved", make: untouched },
  {
    title: "fewer tokens in a step",
    make: untouched,
    args: ["--max-tokens-per-step", "64"],
    settings: { engine: { maxTokensPerStep: 64 } },
  },
  {
    title: "no chat template",
    make: llama((directory) => setFields(join(directory, "tokenizer_config.json"), { chat_template: null })),
  },
  {
    title: "more rows in the embedding than tokens",
    make: llama((directory) => padVocabulary(directory, 336)),
  },
  {
    title: "heads 8 wide",
    make: config({ num_attention_heads: 8, num_key_value_heads: 8 }),
  },
  {
    title: "heads of an odd width",
    code: "INVALID_CONFIG",
    isAlone: true,
    make: config({ num_attention_heads: 64, num_key_value_heads: 64 }),
  },
  {
    title: "no tokenizer",
    code: "FILE_MISSING",
    make: llama((directory) => rm(join(directory, "tokenizer.json"))),
  },
  {
    title: "a SentencePiece model that is something else",
    code: "INVALID_TOKENIZER",
    make: llama((directory) => rename(join(directory, "tokenizer.json"), join(directory, "tokenizer.model"))),
  },
  {
    title: "a WordPiece tokenizer",
    code: "UNSUPPORTED_TOKENIZER",
    make: llama((directory) =>
      editJson(join(directory, "tokenizer.json"), (json) => ({
        ...json,
        model: { type: "WordPiece", unk_token: "[UNK]", vocab: { "[UNK]": 0, a: 1 } },
      })),
    ),
  },
  {
    title: "a tokenizer that is an error page",
    code: "INVALID_JSON",
    make: llama((directory) => writeFile(join(directory, "tokenizer.json"), "<html>404</html>")),
  },
  {
    title: "a token without a row in the embedding",
    code: "TOKENIZER_VOCAB_MISMATCH",
    make: llama((directory) =>
      editJson(join(directory, "tokenizer.json"), (json) => ({
        ...json,
        added_tokens: [
          ...(json["added_tokens"] as object[]),
          {
            id: 320,
            content: "<more>",
            special: true,
            lstrip: false,
            rstrip: false,
            normalized: false,
            single_word: false,
          },
        ],
      })),
    ),
  },
  {
    title: "a tokenizer with a pattern that is none",
    code: "INVALID_TOKENIZER",
    make: llama((directory) =>
      setFields(join(directory, "tokenizer.json"), {
        pre_tokenizer: { type: "Split", pattern: { Regex: "(" }, behavior: "Isolated", invert: false },
      }),
    ),
  },
  {
    title: "a merge of three parts",
    code: "INVALID_TOKENIZER",
    says: "model.merges",
    make: () =>
      modelWithTokenizer((json) => {
        const merges = [["a", "b", "c"], ...(modelOf(json)["merges"] as unknown[])];
        return { ...json, model: { ...modelOf(json), merges } };
      }),
  },
  {
    title: "two tokens with one id",
    code: "INVALID_TOKENIZER",
    says: "model.vocab",
    make: () =>
      modelWithTokenizer((json) => {
        const vocab = { ...(modelOf(json)["vocab"] as Json), zzz: 20 };
        return { ...json, model: { ...modelOf(json), vocab } };
      }),
  },
  {
    title: "a weight that is no number",
    code: "NON_FINITE_WEIGHTS",
    isAlone: true,
    make: llama((directory) =>
      editTensors(directory, (name, tensor) =>
        name === "model.norm.weight"
          ? { ...tensor, data: Buffer.concat([Buffer.from([0, 0, 0xc0, 0x7f]), tensor.data.subarray(4)]) }
          : tensor,
      ),
    ),
  },
  {
    title: "an end of sequence that is no token",
    code: "TOKENIZER_VOCAB_MISMATCH",
    make: llama(async (directory) => {
      await padVocabulary(directory, 336);
      await setFields(join(directory, "generation_config.json"), { eos_token_id: [2, 330] });
    }),
  },
  {
    title: "a recommended temperature that no request may have",
    code: "INVALID_CONFIG",
    make: llama((directory) => setFields(join(directory, "generation_config.json"), { temperature: 5 })),
  },
  {
    title: "a chat template that does not parse",
    code: "INVALID_CHAT_TEMPLATE",
    make: llama((directory) =>
      setFields(join(directory, "tokenizer_config.json"), { chat_template: "{% for x %}" }),
    ),
  },
  {
    title: "a family that is not known",
    code: "UNSUPPORTED_ARCHITECTURE",
    make: config({ architectures: ["MambaForCausalLM"] }),
  },
  {
    title: "quantized weights",
    code: "UNSUPPORTED_QUANTIZATION",
    make: config({ quantization_config: { quant_method: "gptq" } }),
  },
  {
    title: "a rotation that is not known",
    code: "UNSUPPORTED_ROPE_SCALING",
    make: config({ rope_scaling: { rope_type: "proportional", factor: 4 } }),
  },
  { title: "another activation", code: "UNSUPPORTED_ACTIVATION", make: config({ hidden_act: "relu" }) },
  { title: "a layer without weights", code: "TENSOR_MISSING", make: config({ num_hidden_layers: 3 }) },
  {
    title: "weights of another shape",
    code: "TENSOR_SHAPE_MISMATCH",
    make: config({ intermediate_size: 96 }),
  },
  {
    title: "integers for weights",
    code: "UNSUPPORTED_DTYPE",
    make: llama((directory) =>
      editTensors(directory, (name, tensor) =>
        name === "model.norm.weight" ? { ...tensor, dtype: "I32" } : tensor,
      ),
    ),
  },
  {
    title: "weights that were cut",
    code: "SAFETENSORS_TRUNCATED",
    make: llama((directory) => truncate(join(directory, "model.safetensors"), 100_000)),
  },
  {
    title: "a pointer of Git LFS in place of the weights",
    code: "INVALID_SAFETENSORS",
    make: llama((directory) =>
      writeFile(
        join(directory, "model.safetensors"),
        "version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 1234\n",
      ),
    ),
  },
  {
    title: "a shard that is not there",
    code: "SHARD_MISSING",
    make: async () => {
      const directory = await copyCheckpoint("llama-sharded");
      await rm(join(directory, "model-00002-of-00003.safetensors"));
      return directory;
    },
  },
  {
    title: "a damaged GGUF file in place of a checkpoint",
    code: "GGUF_TRUNCATED",
    make: async () => {
      const directory = await makeFolder();
      await writeFile(join(directory, "model.gguf"), "GGUF");
      return directory;
    },
  },
  {
    title: "several GGUF files",
    code: "SEVERAL_MODELS",
    make: async () => {
      const directory = await makeFolder();
      for (const name of ["a.gguf", "b.gguf"]) await writeFile(join(directory, name), "GGUF");
      return directory;
    },
  },
  { title: "an empty folder", code: "FILE_MISSING", make: makeFolder },
  {
    title: "a file in place of a folder",
    code: "MODEL_NOT_FOUND",
    make: async () => join(await copyCheckpoint("llama2"), "model.safetensors"),
  },
  {
    title: "nothing",
    code: "MODEL_NOT_FOUND",
    make: async () => join(await makeFolder(), "nowhere"),
    isAlone: true,
  },
  {
    title: "a config that is a folder",
    code: "FILE_UNREADABLE",
    make: llama(async (directory) => {
      await rm(join(directory, "config.json"));
      await mkdir(join(directory, "config.json"));
    }),
  },
  {
    title: "a context beyond the model's",
    code: "INVALID_EXECUTOR_OPTIONS",
    make: untouched,
    args: ["--context-tokens", "100000"],
    settings: { engine: { contextTokens: 100_000 } },
  },
  {
    title: "a chat template that is not there",
    code: "FILE_UNREADABLE",
    make: untouched,
    args: ["--chat-template", "/nowhere/chat.jinja"],
    settings: { chatTemplate: "/nowhere/chat.jinja" },
  },
];

/** Its reason names the other models, where there are some. */
const largePlan: Case = {
  title: "a plan beyond the memory",
  code: "MODEL_DOES_NOT_FIT",
  make: untouched,
  args: ["--memory-limit", "1MiB", "--max-sequences", "16"],
};

interface Judgement {
  readonly exitCode: number | null;
  /** Empty where the model runs. */
  readonly reasons: readonly string[];
}

const program = openProgram();
afterAll(() => program[Symbol.asyncDispose]());

async function inspect(
  directory: string,
  args: readonly string[],
): Promise<{ readonly judgement: Judgement; readonly plannedBytes: number | undefined }> {
  const run = await program.run(["models", "inspect", directory, "--json", ...args]);
  const written = run.stderr.trim();
  const reasons = written === "" ? [] : [written.replace(/^infernode: /, "")];
  // What can be read is shown, with the same verdict, though the model cannot run.
  const { verdict, memoryPlan } = run.stdout === "" ? {} : JSON.parse(run.stdout);
  if (run.stdout !== "") expect(verdict).toEqual({ wouldRun: reasons.length === 0, reasons });
  return { judgement: { exitCode: run.exitCode, reasons }, plannedBytes: memoryPlan?.totalBytes };
}

/** Reasons by model, of one program that is given all of them. */
type Reasons = ReadonlyMap<string, readonly string[]>;

const planned = /^infernode_model_memory_planned_bytes\{[^}]*model_name="([^"]*)"[^}]*\} (\S+)$/gm;

/** What is planned for each model, too. */
async function serveAll(
  file: string,
): Promise<{ readonly served: Reasons; readonly plannedBytes: ReadonlyMap<string, number> }> {
  await using daemon = await startDaemon({ args: ["--config", file] });
  const { model, models = [model] } = await daemon.waitForLog(({ msg }) => msg === "ready");
  const failed = daemon.logs.filter(({ msg }) => msg === "engine failed");
  const metrics = await (await fetch(`${daemon.url}/metrics`)).text();
  const plannedBytes = new Map<string, number>();
  for (const [, id = "", bytes] of metrics.matchAll(planned)) {
    plannedBytes.set(id, (plannedBytes.get(id) ?? 0) + Number(bytes));
  }
  daemon.signal("SIGTERM");
  expect((await daemon.exited).exitCode).toBe(0);
  const served = new Map([
    ...(models as readonly string[]).map((id) => [id, []] as const),
    ...failed.map((line) => [String(line["model"]), line["reasons"] as readonly string[]] as const),
  ]);
  return { served, plannedBytes };
}

async function askDoctorOfAll(file: string): Promise<Reasons> {
  const run = await program.run(["doctor", "--json", "--config", file]);
  const { verdict, models } = JSON.parse(run.stdout);
  expect(run.exitCode).toBe(4);
  expect(verdict).toMatchObject({ wouldRun: false, readiness: "degraded" });
  const probes = models as readonly {
    readonly id: string;
    readonly wouldRun: boolean;
    readonly reasons: readonly string[];
  }[];
  for (const { wouldRun, reasons } of probes) expect(wouldRun).toBe(reasons.length === 0);
  return new Map(probes.map(({ id, reasons }) => [id, reasons]));
}

/** Each is judged by one daemon and one doctor; models that run are in each of them. */
const groupCount = 2;
interface Group {
  readonly directories: ReadonlyMap<string, string>;
  readonly served: Reasons;
  readonly plannedBytes: ReadonlyMap<string, number>;
  readonly diagnosed: Reasons;
}
const groups: Group[] = [];
beforeAll(async () => {
  for (let group = 0; group < groupCount; group += 1) {
    const members = cases.filter((_, index) => index % groupCount === group);
    const directories = new Map<string, string>();
    for (const { title, make } of members) directories.set(title, await make());
    const models = Object.fromEntries(
      members.map(({ title, settings }) => [title, { ...settings, path: directories.get(title) }]),
    );
    const file = join(await makeFolder(), "infernode.config.json");
    await writeFile(file, JSON.stringify({ models }));
    const [{ served, plannedBytes }, diagnosed] = await Promise.all([serveAll(file), askDoctorOfAll(file)]);
    groups.push({ directories, served, plannedBytes, diagnosed });
  }
});

const isExpected = (code: string): RegExp =>
  code === "MODEL_NOT_FOUND" ? /./ : new RegExp(String.raw`\(${code}\)$`);

describe("serve, doctor and models inspect judge alike, and plan what serve takes", () => {
  test.each(cases)("$title", async ({ title, code, says = "", args = [] }) => {
    const { directories, served, plannedBytes, diagnosed } =
      groups[cases.findIndex((each) => each.title === title) % groupCount]!;
    const reasons = code === undefined ? [] : [expect.stringMatching(isExpected(code))];
    expect(served.get(title)).toEqual(reasons);
    expect(served.get(title)?.join() ?? "").toContain(says);
    expect(diagnosed.get(title)).toEqual(served.get(title));
    const inspected = await inspect(directories.get(title) ?? "", args);
    const exitCode = code === undefined ? 0 : 4;
    expect(inspected.judgement).toEqual({ exitCode, reasons: served.get(title) });
    if (code === undefined) expect(inspected.plannedBytes).toBe(plannedBytes.get(title));
  });

  test.each([...cases.filter(({ isAlone = false }) => isAlone), largePlan])(
    "$title, as the only model",
    async ({ make, code = "", args = [] }) => {
      const directory = await make();
      const options = ["--model", directory, ...args];
      const run = await runCli(["serve", "--port", "0", "--log-format", "json", ...options]);
      const fatal = run.stderr
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { readonly level: unknown; readonly msg: string })
        .filter(({ level }) => level === 60 || level === "fatal");
      const served = { exitCode: run.exitCode, reasons: fatal.map(({ msg }) => msg) };
      expect(served).toEqual({ exitCode: 4, reasons: [expect.stringMatching(isExpected(code))] });
      expect((await inspect(directory, args)).judgement).toEqual(served);
      const { exitCode, stdout } = await program.run(["doctor", "--json", ...options]);
      const { verdict, models } = JSON.parse(stdout);
      expect({ exitCode, reasons: verdict.reasons }).toEqual(served);
      expect([verdict.wouldRun, models[0]]).toMatchObject([
        false,
        { wouldRun: false, reasons: served.reasons },
      ]);
    },
  );
});

test("a chat template of megabytes of blanks is read or refused", async () => {
  const directory = await modelWithTemplate(`${" ".repeat(3_000_000)}{{ messages[0].content }}`);
  expect([0, 4]).toContain((await program.run(["models", "inspect", directory])).exitCode);
});

test("serve refuses in seconds a tokenizer that runs out of hand while it loads", async () => {
  const token = { single_word: false, lstrip: false, rstrip: false, normalized: true, special: false };
  const directory = await modelWithTokenizer((json) => ({
    ...withLastToken(json, endlessText),
    normalizer: endlessNormalizer,
    added_tokens: [...(json["added_tokens"] as Json[]), { id: lastTokenId, content: endlessText, ...token }],
  }));
  const { exitCode, stderr } = await runCli(["serve", "--model", directory, "--port", "0"]);
  expect(exitCode).toBe(4);
  expect(stderr).toMatch(/tokenizer\.json.* did not end within/);
});
