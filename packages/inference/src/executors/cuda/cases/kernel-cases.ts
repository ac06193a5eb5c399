import { attentionCases } from "./attention-cases.ts";
import { type CaseSizes, checkSizes } from "./case-sizes.ts";
import { elementCases } from "./element-cases.ts";
import { productCases } from "./product-cases.ts";
import { rowCases } from "./row-cases.ts";
import type { KernelCase } from "./kernel-case.ts";

/** A case of each kernel that is shipped, those of a module together. [sizes: `checkSizes`] */
export function kernelCases(sizes: CaseSizes = checkSizes): readonly KernelCase[] {
  const cases = [
    ...productCases(sizes),
    ...attentionCases(sizes),
    ...rowCases(sizes),
    ...elementCases(sizes),
  ];
  return cases.toSorted((a, b) => a.manifest.module.localeCompare(b.manifest.module, "en"));
}
