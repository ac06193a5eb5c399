import { fileURLToPath } from "node:url";

/** The program as users start it; it is built before tests run. */
export const cliPath: string = fileURLToPath(
  new URL("../../../packages/backend/bin/infernode.js", import.meta.url),
);

/** This process's environment without settings of the program. */
export function cleanEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("INFERNODE_")));
}
