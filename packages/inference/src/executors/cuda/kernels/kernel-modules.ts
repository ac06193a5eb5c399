import type { KernelManifest } from "@infernode/memory/cuda";
import { adapters } from "./manifests/adapters.ts";
import { argmax } from "./manifests/argmax.ts";
import { attention } from "./manifests/attention.ts";
import { attentionDecodeBf16 } from "./manifests/attention-decode-bf16.ts";
import { attentionDecodeF32 } from "./manifests/attention-decode-f32.ts";
import { attentionDecodeI8 } from "./manifests/attention-decode-i8.ts";
import { attentionPrefillBf16 } from "./manifests/attention-prefill-bf16.ts";
import { elementwise } from "./manifests/elementwise.ts";
import { embed } from "./manifests/embed.ts";
import { experts } from "./manifests/experts.ts";
import { gemv } from "./manifests/gemv.ts";
import { gemvBlocks } from "./manifests/gemv-blocks.ts";
import { norm } from "./manifests/norm.ts";
import { product } from "./manifests/product.ts";
import { rotateAppend } from "./manifests/rotate-append.ts";
import { rows } from "./manifests/rows.ts";
import { sample } from "./manifests/sample.ts";

const manifests: readonly KernelManifest[] = [
  adapters,
  argmax,
  attention,
  attentionDecodeBf16,
  attentionDecodeF32,
  attentionDecodeI8,
  attentionPrefillBf16,
  elementwise,
  embed,
  experts,
  gemv,
  gemvBlocks,
  norm,
  product,
  rotateAppend,
  rows,
  sample,
];

/** All modules by name; the images are in the folder `ptx` of the package. */
export const kernelModules: ReadonlyMap<string, KernelManifest> = new Map(
  manifests.map((manifest) => [manifest.module, manifest]),
);
