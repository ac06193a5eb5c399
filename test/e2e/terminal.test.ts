import { describe, expect, test } from "vitest";
import { assertBuilt, cliPath } from "./support/cli-path.ts";
import { makeEndlessModel } from "./support/make-endless-model.ts";
import { hasTerminals, openTerminal, type Terminal } from "./support/open-terminal.ts";

function start(args: readonly string[]): Terminal {
  assertBuilt();
  return openTerminal([process.execPath, cliPath, ...args]);
}

describe.skipIf(!hasTerminals())("in a terminal (skipped where `script` is not installed)", () => {
  test("play answers, lists commands, and ends at Ctrl-D", async () => {
    await using terminal = start(["play", "--temperature", "0", "--max-tokens", "12", "--verbose"]);
    await terminal.until("/help lists commands.");
    await terminal.until("> ");
    terminal.type("/help\r");
    await terminal.until("/system <text>");
    terminal.type("Tell me a story.\r");
    await terminal.until("as --max-tokens says");
    expect(await terminal.until("tokens/s")).toContain("12 tokens");
    terminal.type("/reset\r/nothing\r");
    await terminal.until("(forgotten)");
    await terminal.until("no such command: /nothing");
    terminal.type("\u0004");
    expect(await terminal.exitCode).toBe(0);
  });

  test("Ctrl-C stops the answer and not the program, and twice at the prompt ends it", async () => {
    await using model = await makeEndlessModel(65_536);
    await using terminal = start(["play", "--temperature", "0", "--model", model.directory]);
    await terminal.until("> ");
    terminal.type("Tell me a story.\r");
    // The terminal shows what was typed; what comes after that is the answer.
    await terminal.until("story.");
    await terminal.until("a");
    terminal.type("\u0003");
    await terminal.until("(stopped)");
    terminal.type("/help\r");
    await terminal.until("/exit");
    await terminal.until("> ");
    terminal.type("\u0003");
    await terminal.until("ends)");
    terminal.type("\u0003");
    expect(await terminal.exitCode).toBe(0);
  });

  test("serve shows what to do next, and Ctrl-C drains", async () => {
    await using terminal = start(["serve", "--port", "0"]);
    const banner = await terminal.until("Ctrl-C stops it.");
    expect(banner).toContain("infernode-stories");
    expect(banner).toMatch(/curl http:\/\/127\.0\.0\.1:\d+\/v1\/chat\/completions/);
    terminal.type("\u0003");
    await terminal.until("stopped");
    expect(await terminal.exitCode).toBe(0);
  });
});
