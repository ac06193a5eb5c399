import { describe, expect, test } from "vitest";
import { cliPath } from "./support/cli-path.ts";
import { makeEndlessModel } from "./support/make-endless-model.ts";
import { hasTerminals, openTerminal, type Terminal } from "./support/open-terminal.ts";

function start(args: readonly string[]): Terminal {
  return openTerminal([process.execPath, cliPath, ...args]);
}

describe.skipIf(!hasTerminals())("in a terminal (skipped where `script` is not installed)", () => {
  test("play answers, lists commands, and exits on Ctrl-D", async () => {
    await using terminal = start(["play", "--temperature", "0", "--max-tokens", "12", "--verbose"]);
    await terminal.until("Type /help for commands.");
    await terminal.until("> ");
    terminal.type("/help\r");
    await terminal.until("/system [text]");
    terminal.type("Tell me a story.\r");
    await terminal.until("tokens (--max-tokens)");
    expect(await terminal.until("tokens/s")).toContain("12 generated");
    terminal.type("/reset\r/nothing\r");
    await terminal.until("(conversation cleared)");
    await terminal.until("unknown command /nothing");
    terminal.type("\u0004");
    expect(await terminal.exitCode).toBe(0);
  });

  test("Ctrl-C stops the answer; twice at the prompt, it exits", async () => {
    await using model = await makeEndlessModel(65_536);
    await using terminal = start(["play", "--temperature", "0", "--model", model.directory]);
    await terminal.until("> ");
    terminal.type("Tell me a story.\r");
    // The terminal echoes what was typed; the answer follows.
    await terminal.until("story.");
    await terminal.until("a");
    terminal.type("\u0003");
    await terminal.until("(stopped)");
    terminal.type("/help\r");
    await terminal.until("/exit");
    await terminal.until("> ");
    terminal.type("\u0003");
    await terminal.until("to exit)");
    terminal.type("\u0003");
    expect(await terminal.exitCode).toBe(0);
  });

  test("play prints on a separate line why it cannot start", async () => {
    await using terminal = start(["play", "--model", "nowhere"]);
    const [, reason] = (await terminal.until("got nothing")).split("\r\u001B[Kinfernode: ");
    expect(reason).toMatch(/nowhere: expected a model, got nothing$/);
    expect(await terminal.exitCode).toBe(4);
  });

  test("play treats pasted lines as one message", async () => {
    await using terminal = start(["play", "--temperature", "0", "--max-tokens", "5"]);
    await terminal.until("> ");
    terminal.type("\u001B[200~Tell me a story.\nA short one.\n\u001B[201~");
    await terminal.until("Tell me a story.⏎A short one.");
    terminal.type("\r");
    await terminal.until("tokens (--max-tokens)");
    expect(await terminal.until("> ")).not.toContain("--max-tokens");
    terminal.type("\u0004");
    expect(await terminal.exitCode).toBe(0);
  });

  test("play keeps the order of text that is typed ahead or inserted into a line at once", async () => {
    await using terminal = start(["play", "--temperature", "0", "--max-tokens", "5"]);
    await terminal.until("> ");
    terminal.type("Tell me a story.\r/re");
    await terminal.until("tokens (--max-tokens)");
    await terminal.until("> ");
    terminal.type("set\r");
    await terminal.until("(conversation cleared)");
    const [left, right] = ["\u001B[D", "\u001B[C"];
    terminal.type(`/lp${left}${left}he${right}${right}\r`);
    expect(await terminal.until("/system [text]")).not.toContain("unknown command");
  });

  test("play continues after Ctrl-Z and fg", async () => {
    await using terminal = openTerminal([
      "env",
      "LC_ALL=C",
      "PS1=shell: ",
      "HISTFILE=",
      "bash",
      "--norc",
      "-i",
    ]);
    terminal.type(`'${process.execPath}' '${cliPath}' play\r`);
    await terminal.until("Type /help for commands.");
    await terminal.until("> ");
    terminal.type("\u001A");
    await terminal.until("Stopped");
    terminal.type("fg\r");
    await terminal.until("> ");
    terminal.type("/help\r");
    await terminal.until("/system [text]");
    terminal.type("\u0004");
    await terminal.until("shell: ");
    terminal.type("exit\r");
    expect(await terminal.exitCode).toBe(0);
  });

  test("serve prints first why it cannot start, and without colour if NO_COLOR is set", async () => {
    const serve = [process.execPath, cliPath, "serve", "--port", "0", "--model", "nowhere"];
    await using terminal = openTerminal(["env", "NO_COLOR=1", ...serve]);
    const log = await terminal.until("got nothing");
    expect(log).toContain("FATAL");
    expect(log).not.toContain("draining");
    expect(log).not.toContain("\u001B");
    expect(await terminal.exitCode).toBe(4);
  });

  test("doctor wraps its output in a narrow terminal", async () => {
    const doctor = `stty cols 60; '${process.execPath}' '${cliPath}' doctor`;
    await using terminal = openTerminal(["sh", "-c", doctor]);
    const report = await terminal.until("would run");
    for (const line of report.split("\r\n")) if (/ {3}.* /.test(line)) expect(line.length).toBeLessThan(61);
    expect(await terminal.exitCode).toBe(0);
  });

  test("serve shows its summary, and Ctrl-C drains", async () => {
    await using terminal = start(["serve", "--port", "0"]);
    const banner = await terminal.until("Press Ctrl-C to stop.");
    expect(banner).toContain("infernode-stories");
    expect(banner).toMatch(/curl http:\/\/127\.0\.0\.1:\d+\/v1\/chat\/completions/);
    terminal.type("\u0003");
    await terminal.until("stopped");
    expect(await terminal.exitCode).toBe(0);
  });
});
