// `npm start -- --port 0`: becomes ready, answers one chat, and on SIGTERM to npm drains and exits.
import { spawn } from "node:child_process";
import { root } from "../setup.mjs";

const child = spawn("npm", ["start", "--silent", "--", "--port", "0"], {
  cwd: root,
  stdio: ["ignore", "pipe", "pipe"],
  detached: true,
});
let output = "";
let url;
const seen = new Promise((resolve) => {
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
      url ??= /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0];
      if (url !== undefined) resolve();
    });
  }
});
const ended = new Promise((resolve) => child.once("exit", resolve));
const closed = new Promise((resolve) => child.once("close", resolve));
const late = setTimeout(() => fail("it took more than five minutes"), 300_000);

function fail(reason) {
  process.stderr.write(`npm start: ${reason}\n${output}\n`);
  try {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has exited by itself.
  }
  process.exit(1);
}

await Promise.race([seen, ended]);
if (url === undefined) fail("it ended before it said its address");
for (;;) {
  const response = await fetch(`${url}/health/ready`).catch(() => undefined);
  if (response?.ok) break;
  await new Promise((resolve) => setTimeout(resolve, 50));
}
const { data } = await (await fetch(`${url}/v1/models`)).json();
const response = await fetch(`${url}/v1/chat/completions`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({
    model: data[0].id,
    messages: [{ role: "user", content: "Tell me a story about a fox." }],
    temperature: 0,
  }),
});
const answer = await response.json();
const text = answer.choices?.[0]?.message?.content ?? "";
if (answer.choices?.[0]?.finish_reason !== "stop" || text.length < 20) {
  fail(`an odd answer: ${JSON.stringify(answer)}`);
}
process.stdout.write(`${text}\n`);
child.kill("SIGTERM");
// npm exits at once; the daemon keeps the pipes open until it has drained.
await closed;
clearTimeout(late);
if (!output.includes('"msg":"stopped"')) fail("it did not say that it stopped");
