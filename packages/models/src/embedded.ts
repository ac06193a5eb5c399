import { fileURLToPath } from "node:url";

/** Tells where the model that comes with this package is: a small language model that runs everywhere. */
export function embeddedModelDirectory(): string {
  return fileURLToPath(new URL("../embedded/infernode-stories", import.meta.url));
}
