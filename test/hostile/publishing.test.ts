import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const packages = fileURLToPath(new URL("../../packages", import.meta.url));

function readManifest(name: string): { readonly scripts?: Readonly<Record<string, string>> } {
  return JSON.parse(readFileSync(join(packages, name, "package.json"), "utf8"));
}

test("npm publish is refused, since it would ship ranges of the workspace", () => {
  const { status, stdout, stderr } = spawnSync("npm", ["publish", "--dry-run"], {
    cwd: join(packages, "backend"),
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  expect(status).not.toBe(0);
  expect(`${stdout}${stderr}`).toContain("expected pnpm to pack and publish, got npm/");
});

test("every package is guarded alike", () => {
  const guard = readManifest("backend").scripts?.["prepack"];
  expect(guard).toContain("assert-pnpm");
  for (const name of readdirSync(packages)) {
    expect([name, readManifest(name).scripts?.["prepack"]]).toEqual([name, guard]);
  }
});
