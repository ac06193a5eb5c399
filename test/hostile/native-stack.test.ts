import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";

// koffi's stack is fixed by the first library that a process loads: each case is a process of its own.
const packages = new URL("../../packages/", import.meta.url);

/** The built file of a source file, wherever in the package it is. */
function builtFile(name: string, source: string): string {
  const path = readdirSync(new URL(`${name}/src/`, packages), { recursive: true, encoding: "utf8" }).find(
    (each) => each.endsWith(source),
  );
  if (path === undefined) throw new Error(`no ${source} in ${name}`);
  return new URL(`${name}/dist/${path.replace(/\.ts$/, ".js")}`, packages).href;
}

const users = {
  memory: {
    file: builtFile("memory", "foreign-library.ts"),
    call: 'loadForeignLibrary(["an-infernode-library-that-is-not-there"])',
  },
  inference: {
    file: builtFile("inference", "process-library.ts"),
    call: "openProcessLibrary()",
  },
} as const;
const mebibyte = 2 ** 20;

/** The size that holds after both have loaded a library, with koffi set up as the program wants it before. */
function stackAfter(order: readonly (keyof typeof users)[], programStackBytes?: number): number {
  const script = `
    import { createRequire } from "node:module";
    const koffi = createRequire(${JSON.stringify(new URL("memory/package.json", packages).href)})("koffi");
    const programStackBytes = ${JSON.stringify(programStackBytes ?? null)};
    if (programStackBytes !== null) koffi.config({ async_stack_size: programStackBytes });
    ${order.map((user) => `(await import(${JSON.stringify(users[user].file)})).${users[user].call};`).join("\n")}
    console.log(koffi.config().async_stack_size);
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  return Number(stdout);
}

describe("koffi's stack is the same, whichever package loads a library first", () => {
  const orders = [
    ["memory", "inference"],
    ["inference", "memory"],
  ] as const;

  test.each(orders)("%s, then %s: 8 MiB", (...order) => {
    expect(stackAfter(order)).toBe(8 * mebibyte);
  });

  test.each(orders)("%s, then %s: what the program asked for, where that is enough", (...order) => {
    expect(stackAfter(order, 2 * mebibyte)).toBe(2 * mebibyte);
  });

  test.each(orders)("%s, then %s: 8 MiB where the program asked for too little", (...order) => {
    expect(stackAfter(order, 256 * 1024)).toBe(8 * mebibyte);
  });
});
