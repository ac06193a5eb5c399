import { attentionCases } from "./attention-cases.ts";
import { elementCases } from "./element-cases.ts";
import { productCases } from "./product-cases.ts";
import { rowCases } from "./row-cases.ts";
import type { KernelCase } from "./kernel-case.ts";

/** A case of each kernel that is shipped, those of a module together. */
export function kernelCases(): readonly KernelCase[] {
  const cases = [...productCases(), ...attentionCases(), ...rowCases(), ...elementCases()];
  return cases.toSorted((a, b) => a.manifest.module.localeCompare(b.manifest.module, "en"));
}
