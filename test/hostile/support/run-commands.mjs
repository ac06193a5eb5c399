// Runs commands of the built program one after another in this process, as its parent asks for them: each
// start of a process costs more than what most commands do.
import { Writable } from "node:stream";

const { runProgram } = await import(
  new URL("../../../packages/backend/dist/program.js", import.meta.url).href
);

function createSink() {
  let text = "";
  const stream = new Writable({
    decodeStrings: false,
    write: (part, _encoding, done) => {
      text += part;
      done();
    },
  });
  return { stream, text: () => text };
}

async function run({ id, args }) {
  const [stdout, stderr] = [createSink(), createSink()];
  const exitCode = await runProgram(args, {
    directory: process.cwd(),
    environment: process.env,
    stdin: process.stdin,
    stdout: stdout.stream,
    stderr: stderr.stream,
    onSignal: () => () => undefined,
    onStrayErrors: () => undefined,
    exit: (code) => process.exit(code),
  });
  process.send({ id, run: { exitCode, stdout: stdout.text(), stderr: stderr.text() } });
}

let last = Promise.resolve();
process.on("message", (message) => {
  last = last.then(() => run(message));
});
process.on("disconnect", () => process.exit(0));
