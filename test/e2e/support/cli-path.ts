import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The program as users start it; `npm test` builds it first. */
export const cliPath: string = fileURLToPath(
  new URL("../../../packages/backend/bin/infernode.js", import.meta.url),
);

const builtPath = fileURLToPath(new URL("../../../packages/backend/dist/cli.js", import.meta.url));

/** These tests run the built program; without it they would only fail in a confusing way. */
export function assertBuilt(): void {
  if (!existsSync(builtPath)) throw new Error(`build first (npm run build): found no ${builtPath}`);
}

/** This process's environment without settings of the program. */
export function cleanEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("INFERNODE_")));
}
