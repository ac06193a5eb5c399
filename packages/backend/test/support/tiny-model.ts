import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const checkpoint = fileURLToPath(new URL("../../../../test/fixtures/checkpoints/llama3", import.meta.url));

/** The letters that byte-level vocabularies write bytes with. */
function byteLetters(): readonly string[] {
  const isPlain = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 255;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPlain(byte) ? byte : (next += 1)));
}

function tokenizerFile(): unknown {
  const special = ["<unk>", "<s>", "</s>"];
  const names = [...special, ...byteLetters()];
  while (names.length < 320) names.push(`x${names.length}`);
  return {
    version: "1.0",
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(names.map((name, id) => [name, id])),
      merges: [],
    },
  };
}

const chatTemplate =
  "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}" +
  "{% if add_generation_prompt %}assistant: {% endif %}";

/** A model with 256 tokens of context that babbles: one token for each byte. */
export interface TinyModel extends AsyncDisposable {
  readonly directory: string;
}

/** Writes a whole model directory around the smallest checkpoint of the fixtures. */
export async function createTinyModel(
  options: { readonly hasChatTemplate?: boolean; readonly contextTokens?: number } = {},
): Promise<TinyModel> {
  const directory = await mkdtemp(join(tmpdir(), "infernode-tiny-"));
  await cp(checkpoint, directory, { recursive: true });
  const config: unknown = JSON.parse(await readFile(join(directory, "config.json"), "utf8"));
  const changes = { max_position_embeddings: options.contextTokens ?? 256 };
  await writeFile(join(directory, "config.json"), JSON.stringify(Object.assign({}, config, changes)));
  await writeFile(join(directory, "tokenizer.json"), JSON.stringify(tokenizerFile()));
  const template = (options.hasChatTemplate ?? true) ? { chat_template: chatTemplate } : {};
  const settings = { tokenizer_class: "PreTrainedTokenizerFast", bos_token: "<s>", eos_token: "</s>" };
  await writeFile(join(directory, "tokenizer_config.json"), JSON.stringify({ ...settings, ...template }));
  return { directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
}
