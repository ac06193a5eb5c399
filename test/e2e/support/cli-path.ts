import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The program as users start it; `npm test` builds it first. */
export const cliPath: string = fileURLToPath(
  new URL("../../../packages/backend/bin/infernode.js", import.meta.url),
);

const packages = fileURLToPath(new URL("../../../packages", import.meta.url));

/** These tests run the built program; without it, or with an old one, they would only fail in a confusing way. */
export function assertBuilt(): void {
  for (const name of readdirSync(packages)) {
    const compiledAt = changedAt(join(packages, name, "tsconfig.tsbuildinfo"));
    if (changedAt(join(packages, name, "bundle", ".stamp")) < compiledAt) {
      throw new Error(
        `build first (npm run build): packages/${name}/bundle is absent or older than what was compiled`,
      );
    }
  }
}

/** In milliseconds; -1 for a file that is absent. */
function changedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -1;
}

/** This process's environment without settings of the program. */
export function cleanEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("INFERNODE_")));
}
