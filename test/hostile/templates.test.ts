import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDaemon, type TestDaemon } from "../e2e/support/start-daemon.ts";

/** Writes the final text twice, and trims the first. */
const twice =
  "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}</{{ m.role }}>{% endfor %}again: {{ messages[-1].content }}.";

let folder: string;
const daemons: TestDaemon[] = [];

async function serve(source: string): Promise<TestDaemon> {
  const path = join(folder, `template-${daemons.length}.jinja`);
  await writeFile(path, source);
  const daemon = await startDaemon({ args: ["--chat-template", path] });
  daemons.push(daemon);
  return daemon;
}

interface Answer {
  readonly status: number;
  readonly prompt?: string;
  readonly error?: { readonly message: string; readonly code: string };
}

/** What the model reads of a conversation. */
async function promptOf(daemon: TestDaemon, body: string | object): Promise<Answer> {
  const post = (path: string, text: string): Promise<Response> =>
    fetch(daemon.url + path, { method: "POST", headers: { "content-type": "application/json" }, body: text });
  const response = await post("/tokenize", typeof body === "string" ? body : JSON.stringify(body));
  const { tokens, error } = (await response.json()) as Answer & { readonly tokens?: readonly number[] };
  if (error !== undefined) return { status: response.status, error };
  const { prompt } = (await (await post("/detokenize", JSON.stringify({ tokens }))).json()) as Answer;
  return { status: response.status, prompt: prompt ?? "" };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "infernode-templates-"));
});
afterAll(async () => {
  await Promise.all(daemons.map((daemon) => daemon[Symbol.asyncDispose]()));
  await rm(folder, { recursive: true });
});

describe("a final message that is left open", () => {
  test("has nothing in it that the template or the client did not write", async () => {
    const daemon = await serve(twice);
    const messages = [
      { role: "user", content: "Hi" },
      { role: "assistant", content: "Once upon " },
    ];
    const { prompt } = await promptOf(daemon, { messages, continue_final_message: true });
    expect(prompt).toBe("<user>Hi</user><assistant>Once upon</assistant>again: Once upon ");
  });

  test("is refused where the template changes it", async () => {
    const daemon = await serve("{{ messages[-1].content | length }}: {{ messages[-1].content }}");
    const messages = [{ role: "user", content: "Hi" }];
    const { status, error } = await promptOf(daemon, { messages, continue_final_message: true });
    expect([status, error?.code]).toEqual([400, "chat_template_failed"]);
    expect(error?.message).toContain("writes the final message's text as it is");
  });
});
