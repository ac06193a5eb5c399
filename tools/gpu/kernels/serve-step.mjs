// The program as it is started by users: a server on the GPU with the bundled model, and streamed requests over HTTP.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { root } from "../session.mjs";
import { driverEnvironment } from "./driver-folder.mjs";
import { missingKernels } from "./kernel-device.mjs";

const program = join(root, "packages/backend/bin/infernode.js");
const model = "infernode-stories";
const allPrompts = ["Once upon a time", "The big red ball", "Lily and Tom", "Hello"];

/** Starts a server; resolves when it is ready. */
function startServer(options) {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("INFERNODE_"));
  const device = ["--executor", "cuda", "--device", options.ordinal, "--gpu-memory-utilization", "0.5"];
  // A machine that is busy with other things is slow at everything.
  const sizes = ["--max-sequences", "4", "--context-tokens", "256", "--prompt-timeout", "60000"];
  const log = ["--log-format", "json", "--log-level", "info"];
  const child = spawn(process.execPath, [program, "serve", "--port", "0", ...device, ...sizes, ...log], {
    env: { ...Object.fromEntries(own), ...driverEnvironment(options) },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const lines = [];
  const exited = new Promise((resolve) => {
    child.once("close", (code, signal) => resolve(signal ?? code));
  });
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      lines.push(line);
      const { msg, url } = line.startsWith("{") ? JSON.parse(line) : {};
      if (msg === "ready") resolve({ child, url, lines, exited });
    });
    child.once("error", reject);
    void exited.then((how) =>
      reject(new Error(`the server ended with ${how}:\n${lines.slice(-20).join("\n")}`)),
    );
  });
}

/** Streams an answer; returns its text, and when its first and its last piece came. */
async function streamAnswer(url, { prompt, maxTokens }) {
  const startedAt = performance.now();
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, prompt, max_tokens: maxTokens, temperature: 0, stream: true }),
  });
  assert.equal(response.status, 200, `expected an answer, got ${response.status}`);
  let text = "";
  let firstAt;
  let finishReason;
  let isDone = false;
  let pending = "";
  const decoder = new TextDecoder();
  for await (const bytes of response.body) {
    const lines = (pending + decoder.decode(bytes, { stream: true })).split("\n");
    pending = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: ")) continue;
      const data = line.slice("data: ".length);
      isDone = data === "[DONE]";
      if (isDone) continue;
      const [choice] = JSON.parse(data).choices;
      text += choice?.text ?? "";
      finishReason = choice?.finish_reason ?? finishReason;
      if (text !== "") firstAt ??= performance.now();
    }
  }
  assert.ok(isDone, "the stream ended without [DONE]");
  assert.equal(finishReason, "length");
  assert.notEqual(text, "");
  return { text, firstMs: firstAt - startedAt, totalMs: performance.now() - startedAt };
}

/** Serves the bundled model: alone and beside others, each prompt has the same answer; the server ends as it should. */
export async function serveOverHttp(options) {
  const skipped = missingKernels(options);
  if (skipped !== undefined) return skipped;
  if (!existsSync(program)) return { status: "skipped", reason: "the program is not here" };
  const startedAt = performance.now();
  const { child, url, lines, exited } = await startServer(options);
  const readyMs = performance.now() - startedAt;
  try {
    const loaded = lines.map((line) => (line.startsWith("{") ? JSON.parse(line) : {}));
    assert.equal(loaded.find(({ msg }) => msg === "model loaded")?.executor, "cuda");
    const maxTokens = options.tiny ? 4 : 128;
    const prompts = options.tiny ? allPrompts.slice(2) : allPrompts;
    const alone = [];
    for (const prompt of prompts) alone.push(await streamAnswer(url, { prompt, maxTokens }));
    const togetherAt = performance.now();
    const together = await Promise.all(prompts.map((prompt) => streamAnswer(url, { prompt, maxTokens })));
    const togetherMs = performance.now() - togetherAt;
    assert.deepEqual(
      together.map(({ text }) => text),
      alone.map(({ text }) => text),
    );
    const last = alone.at(-1);
    const tokensPerSecond = (count, milliseconds) => (count * 1000) / milliseconds;
    return {
      testCount: alone.length + together.length,
      figures: [
        { what: "infernode serve, until it is ready", value: readyMs, unit: "ms" },
        { what: "bundled model over HTTP, first token", value: last.firstMs, unit: "ms" },
        {
          what: "bundled model over HTTP, one stream",
          value: tokensPerSecond(maxTokens, last.totalMs),
          unit: "tokens/s",
        },
        {
          what: `bundled model over HTTP, ${prompts.length} streams`,
          value: tokensPerSecond(maxTokens * prompts.length, togetherMs),
          unit: "tokens/s",
        },
      ],
    };
  } finally {
    child.kill("SIGTERM");
    assert.equal(await exited, 0, lines.slice(-20).join("\n"));
  }
}
