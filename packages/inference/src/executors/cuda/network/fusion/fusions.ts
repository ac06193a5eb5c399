import type { Fusion } from "../network-operation.ts";
import { fuseAddNorm } from "./fuse-add-norm.ts";
import { fuseGated } from "./fuse-gated.ts";
import { fuseHeadNorms } from "./fuse-head-norms.ts";
import { joinProducts } from "./join-products.ts";

/** All fusions, in the order in which they are tried. */
export const fusions: readonly Fusion[] = [fuseHeadNorms, fuseAddNorm, fuseGated, joinProducts];
