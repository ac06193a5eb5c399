import { mkdir, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
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
import { openProgram } from "./support/open-program.ts";

interface Case {
  readonly title: string;
  /** What the reason ends with; absent where the model runs. */
  readonly code?: string;
  /** Makes the checkpoint; answers its directory. */
  readonly make: () => Promise<string>;
  readonly args?: readonly string[];
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

const cases: readonly Case[] = [
  { title: "a checkpoint as it was saved", make: untouched },
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
    title: "a weight that is no number",
    code: "NON_FINITE_WEIGHTS",
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
  { title: "nothing", code: "MODEL_NOT_FOUND", make: async () => join(await makeFolder(), "nowhere") },
  {
    title: "a config that is a folder",
    code: "FILE_UNREADABLE",
    make: llama(async (directory) => {
      await rm(join(directory, "config.json"));
      await mkdir(join(directory, "config.json"));
    }),
  },
  {
    title: "a plan beyond the memory",
    code: "MODEL_DOES_NOT_FIT",
    make: untouched,
    args: ["--memory-limit", "1MiB", "--max-sequences", "16"],
  },
  {
    title: "a context beyond the model's",
    code: "INVALID_EXECUTOR_OPTIONS",
    make: untouched,
    args: ["--context-tokens", "100000"],
  },
  {
    title: "a chat template that is not there",
    code: "FILE_UNREADABLE",
    make: untouched,
    args: ["--chat-template", "/nowhere/chat.jinja"],
  },
];

interface Judgement {
  readonly exitCode: number | null;
  /** Empty where the model runs. */
  readonly reasons: readonly string[];
}

const program = openProgram();
afterAll(() => program[Symbol.asyncDispose]());

async function inspect(directory: string, args: readonly string[]): Promise<Judgement> {
  const run = await program.run(["models", "inspect", directory, "--json", ...args]);
  const written = run.stderr.trim();
  const reasons = written === "" ? [] : [written.replace(/^infernode: /, "")];
  // What can be read is shown, with the same verdict, though the model cannot run.
  if (run.stdout !== "") {
    expect(JSON.parse(run.stdout).verdict).toEqual({ wouldRun: reasons.length === 0, reasons });
  }
  return { exitCode: run.exitCode, reasons };
}

async function askDoctor(directory: string, args: readonly string[]): Promise<Judgement> {
  const run = await program.run(["doctor", "--json", "--model", directory, ...args]);
  const { verdict, models } = JSON.parse(run.stdout);
  expect(verdict.wouldRun).toBe(verdict.reasons.length === 0);
  expect(models[0]).toMatchObject({ wouldRun: verdict.wouldRun, reasons: verdict.reasons });
  return { exitCode: run.exitCode, reasons: verdict.reasons };
}

async function serve(directory: string, args: readonly string[], runs: boolean): Promise<Judgement> {
  if (runs) {
    await using daemon = await startDaemon({ args: ["--model", directory, ...args] });
    daemon.signal("SIGTERM");
    const { exitCode } = await daemon.exited;
    return { exitCode, reasons: [] };
  }
  const run = await runCli(["serve", "--port", "0", "--log-format", "json", "--model", directory, ...args]);
  const fatal = run.stderr
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { readonly level: unknown; readonly msg: string })
    .filter(({ level }) => level === 60 || level === "fatal");
  return { exitCode: run.exitCode, reasons: fatal.map(({ msg }) => msg) };
}

describe("serve, doctor and models inspect judge alike", () => {
  test.concurrent.each(cases)("$title", async ({ make, code, args = [] }) => {
    const directory = await make();
    const served = await serve(directory, args, code === undefined);
    expect(served.exitCode).toBe(code === undefined ? 0 : 4);
    if (code !== undefined) {
      expect(served.reasons).toEqual([
        expect.stringMatching(code === "MODEL_NOT_FOUND" ? /./ : new RegExp(String.raw`\(${code}\)$`)),
      ]);
    }
    expect(await inspect(directory, args)).toEqual(served);
    expect(await askDoctor(directory, args)).toEqual(served);
  });
});

test("models inspect plans what serve would take", async () => {
  const directory = await copyCheckpoint("llama2");
  const run = await program.run(["models", "inspect", directory, "--json", "--max-tokens-per-step", "64"]);
  await using daemon = await startDaemon({ args: ["--model", directory, "--max-tokens-per-step", "64"] });
  const { totalBytes } = JSON.parse(run.stdout).memoryPlan;
  const text = await (await fetch(`${daemon.url}/metrics`)).text();
  const planned = [...text.matchAll(/^infernode_model_memory_planned_bytes\{[^}]*\} (\S+)$/gm)];
  expect(planned.reduce((sum, [, bytes]) => sum + Number(bytes), 0)).toBe(totalBytes);
});
