// What a program can know of a model without loading the code that reads models.
import { fileURLToPath } from "node:url";

export { modelNameOf } from "./files/hub-name.ts";

/** The directory of the bundled model: a small language model that runs everywhere. */
export function embeddedModelDirectory(): string {
  return fileURLToPath(new URL("../embedded/infernode-stories", import.meta.url));
}
