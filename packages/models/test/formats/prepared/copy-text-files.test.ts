import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, expect, it } from "vitest";

import { createNodeFileAccess } from "../../../src/files/node-file-access.ts";
import { copyTextFiles } from "../../../src/formats/prepared/copy-text-files.ts";

let directory = "";

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "infernode-text-"));
});

afterAll(async () => rm(directory, { recursive: true }));

it.each([["tokenizer.model"], ["added_tokens.json"], ["additional_chat_templates/tool_use.jinja"]])(
  "copies %s, which a tokenizer or template may need",
  async (name) => {
    const [path, target] = [join(directory, name, "source"), join(directory, name, "target")];
    for (const folder of [dirname(join(path, name)), target]) await mkdir(folder, { recursive: true });
    await writeFile(join(path, name), name);
    const location = { files: createNodeFileAccess(), path, kind: "directory" } as const;
    await copyTextFiles({ location, format: { name: "hf-directory" } }, target);
    expect(await readFile(join(target, name), "utf8")).toBe(name);
  },
);
