import type { KernelManifest } from "@infernode/memory/cuda";
import { adapters } from "./manifests/adapters.ts";
import { attention } from "./manifests/attention.ts";
import { elementwise } from "./manifests/elementwise.ts";
import { embed } from "./manifests/embed.ts";
import { experts } from "./manifests/experts.ts";
import { norm } from "./manifests/norm.ts";
import { product } from "./manifests/product.ts";
import { rotateAppend } from "./manifests/rotate-append.ts";
import { rows } from "./manifests/rows.ts";

const manifests: readonly KernelManifest[] = [
  adapters,
  attention,
  elementwise,
  embed,
  experts,
  norm,
  product,
  rotateAppend,
  rows,
];

/** All modules by name; the images are in the folder `ptx` of the package. */
export const kernelModules: ReadonlyMap<string, KernelManifest> = new Map(
  manifests.map((manifest) => [manifest.module, manifest]),
);
