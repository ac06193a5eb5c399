import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createVerdict, type Scenario } from "../support/scenario.ts";

/** Runs the benchmark that loads and disposes an engine as a library. */
const benchmark = fileURLToPath(new URL("../../micro/load-cycles.js", import.meta.url));

export const cycles: Scenario = {
  name: "cycles",
  summary: "a library engine is loaded and disposed ten times (micro/load-cycles)",
  run: async ({ isQuick }) => {
    const verdict = createVerdict();
    if (isQuick || !existsSync(benchmark)) {
      return { figures: { skipped: isQuick ? "takes too long for a quick pass" : "not built" }, faults: [] };
    }
    const child = spawn(process.execPath, [benchmark], { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    const exitCode = await new Promise<number | null>((resolve) => {
      child.on("close", resolve);
    });
    verdict.expect(exitCode === 0, `micro/load-cycles ended with ${exitCode}`);
    return { figures: { output: output.trim().split("\n").at(-1) ?? "" }, faults: verdict.faults };
  },
};
