import { createHash } from "node:crypto";
import { kernelModules } from "../kernels/kernel-modules.ts";
import { readImage } from "../step/load-module.ts";
import { storedValues } from "./stored-values.ts";

/**
 * Names the kernels of this package and the values that they are checked with: another PTX or another value gives
 * another name.
 *
 * @throws InferenceError `EXECUTOR_UNAVAILABLE` for a file that cannot be read
 */
export async function fingerprintKernels(): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(storedValues));
  for (const name of kernelModules.keys()) hash.update(name).update(await readImage(name));
  return hash.digest("hex").slice(0, 32);
}
