import { fileURLToPath } from "node:url";

/** The directory of the bundled model: a small language model that runs everywhere. */
export function embeddedModelDirectory(): string {
  return fileURLToPath(new URL("../embedded/infernode-stories", import.meta.url));
}
